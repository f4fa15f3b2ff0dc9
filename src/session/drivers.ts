import type { BuildEdges } from './types.ts'
import type { Caches, openCaches } from '../cache/caches.ts'
import type { BuildOptions } from '../config/options.ts'
import type { BaseFacts } from '../dockerfile/checks/view.ts'
import type { GraphStage, StageGraph } from '../dockerfile/types.ts'
import { openBuildInputs } from '../driver/embedded/build-inputs.ts'
import { openEmbedded, type EmbeddedEngine } from '../driver/embedded/open.ts'
import type { BuiltImage, Driver, DriverOptions } from '../driver/driver.ts'
import type { FinishedWork } from '../driver/finished.ts'
import type { OpenedNode } from '../driver/opened-node.ts'
import type { TargetBuild } from '../driver/target.ts'
import { XbuildError } from '../errors.ts'
import type { ImageJob, Job } from '../plan/types.ts'
import { formatPlatform, samePlatform, type Platform } from '../platform.ts'
import type { Prepared } from './plan.ts'
import type { OutputPlan } from '../publish/check-outputs.ts'
import { isWhole, type JobOutcome, type Settled } from '../run/outcome.ts'
import type { Session } from './open.ts'
import { check, graphOf } from './requests.ts'

/** The drivers of a build, each opened when the plan, or a job that moves, needs it. */
export interface Drivers {
  driverFor(node: string): Driver
  /** What is known of the image that a stage of a target starts from. */
  baseOf(target: TargetBuild, stage: GraphStage): BaseFacts | undefined
  /** An imported cache that turned out to be broken. */
  brokenCache(): Error | undefined
  /**
   * Keeps what was built elsewhere, also when the build as a whole has failed: the next run builds only what changed,
   * and the rest.
   */
  keep(outcomes: readonly JobOutcome[]): Promise<void>
  /** Writes the caches, and what makes the next build faster. */
  save(settled: Settled): Promise<void>
  /** Ends the drivers. */
  close(): Promise<void>
}

export interface DriversEdges {
  readonly options: BuildOptions
  readonly outputs: OutputPlan
  readonly edges: BuildEdges
  readonly session: Session
}

/** Opens what the plan needs before anything starts. Throws with the place in the Dockerfile. */
export async function openDrivers(
  { targets, nodes, local, plan }: Prepared,
  { options, outputs, edges, session }: DriversEdges,
): Promise<Drivers> {
  const { emit, signal, env } = edges
  const { store, ground, registry, main } = session
  const inputs = await openBuildInputs(options, env)
  const isPlannedHere = ({ platform }: TargetBuild) =>
    plan.jobs.some(
      (job) => job.kind === 'image' && job.decision.strategy.node === local?.name && samePlatform(job.target, platform),
    )
  let caches: Caches | undefined
  let embedded: EmbeddedEngine | undefined
  const here = once(async () => {
    caches = await openCachesOf(options, { registry, cwd: options.cwd, env, emit, store, platforms: plan.platforms })
    return (embedded = await openEmbedded({
      options,
      targets: targets.filter(isPlannedHere),
      more: targetOf,
      ground,
      registry,
      main,
      inputs,
      emit,
      signal,
      isNative: (platform) => local!.native.some((native) => samePlatform(native, platform)),
      check: (diagnostics) => check(diagnostics, emit),
      ...(caches ? { imports: caches.imports } : {}),
      ...(caches?.configExtra ? { configExtra: caches.configExtra } : {}),
    }))
  })
  const others = new Map<string, Promise<Driver>>()
  const works = new Map<string, FinishedWork>()
  const elsewhere = nodes.length === 0 ? undefined : await import('../driver/elsewhere.ts')
  const finished = elsewhere?.openFinished(session)
  const buildFor = elsewhere?.createRemoteBuilds({
    targets,
    main,
    inputs,
    store,
    env,
    warn: session.warn,
    graphFor: graphWhere,
  })
  if (targets.some(isPlannedHere)) {
    await here().catch(async (error: unknown) => {
      await inputs.close()
      throw error
    })
  }

  return {
    driverFor: (name) => ({
      async build(job, jobOptions) {
        refusePlain(job)
        const kept = job.kind === 'image' && name !== local?.name ? await takeUp(job, jobOptions) : undefined
        return withFiles(kept ?? (await (await driverOf(name)).build(job, jobOptions)))
      },
      close: async () => undefined,
    }),
    baseOf: (target, stage) => embedded?.baseOf(target, stage),
    brokenCache: () => caches?.imports.failure(),
    async keep(outcomes) {
      for (const outcome of outcomes) {
        if (outcome.status !== 'done') continue
        const { node } = outcome.job.decision.strategy
        const work = works.get(formatPlatform(outcome.job.target))
        // What was built here is in the cache of steps
        if (work && node !== local?.name)
          await finished!.keep(work, outcome.image, { node, rescue: !isWhole(outcomes), signal })
      }
    },
    async save({ built }) {
      await embedded?.save()
      if (!embedded || !caches) return
      const { solver } = embedded
      const lowered = embedded
        .lowered()
        .filter(({ platform }) => built.some(({ job }) => samePlatform(job.target, platform)))
      await caches.save({ workers: ground.workers, layers: ground.layers, solver, lowered, signal })
    },
    async close() {
      await Promise.allSettled([inputs.close(), ...[...others.values()].map(async (driver) => (await driver).close())])
    },
  }

  /** Twins that are required are not there where nobody hands packs over. Throws HOST. */
  function refusePlain({ decision: { strategy }, platform }: Job): void {
    const node =
      strategy.kind === 'emulate' && (options.accel === 'require' || options.accel === 'verify')
        ? nodes.find((one) => one.node.name === strategy.node)?.node
        : undefined
    if (
      !node ||
      node.emulated.some(
        (entry) => entry.status === 'ready' && entry.toolchains && samePlatform(entry.platform, platform),
      )
    )
      return
    throw new XbuildError('HOST', `Cannot use native toolchains on ${node.name}: it was defined without packs`, {
      hint: 'Define it with packs: true, or build with --accel=auto',
    })
  }

  /**
   * Files are wanted of every image when the result goes into a folder or a tar; engines elsewhere give images only.
   */
  function withFiles(image: BuiltImage): BuiltImage {
    if (image.exportTree || !outputs.outputs.some(({ type }) => type === 'local' || type === 'tar')) return image
    return elsewhere!.withTree(image, ground, options)
  }

  function driverOf(name: string): Promise<Driver> {
    if (name === local?.name) return here().then(({ driver }) => driver)
    const driver = others.get(name) ?? openOther(nodes.find(({ node }) => node.name === name)!)
    others.set(name, driver)
    return driver
  }

  async function openOther(opened: OpenedNode): Promise<Driver> {
    const [build, { pushTargetFor, pushedOrBrought }] = [buildFor!, elsewhere!]
    const pushTo = pushTargetFor(opened, { ...outputs, options, registry, signal })
    if (!pushTo) return opened.driver(build)
    const [pushing, bringing] = await Promise.all([opened.driver(build, { pushTo }), opened.driver(build)])
    return pushedOrBrought(pushing, bringing, {
      node: opened.node.name,
      repository: pushTo.repository,
      warn: session.warn,
    })
  }

  /** The image of an earlier run, when it would become the same again. */
  async function takeUp(job: ImageJob, { signal, stages = [] }: DriverOptions): Promise<BuiltImage | undefined> {
    const work = { target: targetOf(job.target), build: await buildFor!(job), stages }
    works.set(formatPlatform(job.target), work)
    const image = await finished!.find(work, signal)
    if (!image?.earlier) return undefined
    const step = `finished ${job.id}`
    const platform = formatPlatform(job.target)
    emit({
      type: 'step.start',
      step,
      name: `[${platform}] nothing changed since ${image.earlier.node} built it`,
      platforms: [platform],
      at: Date.now(),
    })
    emit({ type: 'step.done', step, cached: true, at: Date.now() })
    return image
  }

  function targetOf(platform: Platform): TargetBuild {
    return targets.find((target) => samePlatform(target.platform, platform))!
  }
}

/** Caches of other machines: code that most builds never load. */
async function openCachesOf(
  options: BuildOptions,
  edges: Parameters<typeof openCaches>[1],
): Promise<Caches | undefined> {
  if (options.cacheFrom.length + options.cacheTo.length === 0) return undefined
  return (await import('../cache/caches.ts')).openCaches(options, edges)
}

/** The stages of a target where `$BUILDPLATFORM` is another one. */
export function graphWhere({ platform, options, dockerfile, graph }: TargetBuild, buildPlatform: Platform): StageGraph {
  return samePlatform(graph.buildPlatform, buildPlatform)
    ? graph
    : graphOf(dockerfile, options, { target: platform, buildPlatform }).graph
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
