import { once } from '../host/once.ts'
import type { SessionEdges } from './secrecy.ts'
import type { SessionRequest } from './types.ts'
import type { Caches, openCaches } from '../cache/caches.ts'
import type { CompleteOptions } from '../config/options.ts'
import type { BaseFacts } from '../dockerfile/checks/view.ts'
import type { GraphStage, StageGraph } from '../dockerfile/types.ts'
import { openBuildInputs, type BuildInputs } from '../content/build-inputs.ts'
import { openEmbedded, type EmbeddedEngine } from '../driver/embedded/open.ts'
import type { SolvedStep } from '../engine/solved.ts'
import type { StepImports } from '../engine/step-cache.ts'
import type { BuiltImage } from '../content/built-image.ts'
import type { Driver, DriverOptions } from '../driver/driver.ts'
import type { ImageWork } from '../driver/kept-images.ts'
import type { OpenedNode } from '../driver/opened-node.ts'
import type { TargetBuild } from '../driver/target.ts'
import { XbuildError } from '../errors.ts'
import { sameTarget, targetKey, targetName, targetOfJob, type TargetId } from '../plan/target-id.ts'
import type { ImageJob, Job } from '../plan/types.ts'
import { distinctPlatforms, formatPlatform, samePlatform, type Platform } from '../platform.ts'
import type { Prepared } from './plan.ts'
import { isWhole, type JobOutcome, type Settled } from '../run/outcome.ts'
import { pushNames } from '../publish/output-names.ts'
import { readsOnce } from './imported-caches.ts'
import type { Session } from './open.ts'
import type { PushChecks } from './push-checks.ts'
import { check, graphOf } from './requests.ts'

/** The drivers of a session, each opened when the plan, or a job that moves, needs it. */
export interface Drivers {
  driverFor(node: string): Driver
  /** The driver that built an image at a node, or could, for tests of it; undefined: the node is this machine. */
  testerAt(node: string, image: string | undefined): Promise<Driver> | undefined
  /** What is known of the image that a stage of a target starts from. */
  baseOf(target: TargetBuild, stage: GraphStage): BaseFacts | undefined
  /**
   * Keeps what was built elsewhere, also when an image as a whole has failed: the next run builds only what changed,
   * and the rest.
   */
  keep(outcomes: readonly JobOutcome[]): Promise<void>
  /** Writes the caches of an image. */
  save(request: SessionRequest, settled: Settled): Promise<void>
  /** Ends the drivers; writes what makes the next build faster. */
  close(): Promise<void>
}

/** Opens what the plan needs before anything starts. Throws with the place in the Dockerfile. */
export async function openDrivers(
  session: Session,
  { targets, support, nodes, local, plan }: Prepared,
  {
    emit,
    signal,
    env,
    secretEnv,
    secrecy,
    beforeWork,
  }: Pick<SessionEdges, 'emit' | 'signal' | 'env' | 'secretEnv' | 'secrecy'> & Partial<Pick<PushChecks, 'beforeWork'>>,
): Promise<Drivers> {
  const { store, services, registry, options, requests } = session
  const keepGoing = plan.images !== undefined
  const inputs = await openAllInputs(requests, { env, secretEnv, hide: secrecy.hide })
  const inputsOf = (image: string | undefined): BuildInputs => {
    const found = inputs.get(image)!
    if (found.status === 'rejected') throw found.reason
    return found.value
  }
  const closeInputs = () =>
    Promise.allSettled([...inputs.values()].map((one) => one.status === 'fulfilled' && one.value.close()))
  const isPlannedHere = (target: TargetBuild) =>
    plan.jobs.some(
      (job) =>
        job.kind === 'image' && job.decision.strategy.node === local?.name && sameTarget(targetOfJob(job), target),
    )
  const caches = new Map<string | undefined, Caches>()
  const cacheServices: NonNullable<Parameters<typeof openCaches>[1]['services']> = new Map()
  let embedded: EmbeddedEngine | undefined
  const here = once(async () => {
    for (const { image, options: own } of requests) {
      const { platforms } = plan.images?.find(({ name }) => name === image) ?? plan
      const found = await openCachesOf(own, {
        ...{ registry, cwd: own.cwd, env, emit, store },
        platforms: distinctPlatforms([...platforms, ...(own.pinned ? [own.pinned.platform] : [])]),
        services: cacheServices,
        eager: readsOnce(requests),
      })
      if (found) caches.set(image, found)
    }
    const imports = [...caches.values()].map((one) => one.imports)
    session.importedCaches.push(...imports)
    return (embedded = await openEmbedded({
      options,
      targets: targets.filter(isPlannedHere),
      more: targetOf,
      services,
      registry,
      inputsOf,
      emit,
      signal,
      isNative: (platform) => local!.native.some((native) => samePlatform(native, platform)),
      check: (diagnostics) => check(diagnostics, emit),
      keepGoing,
      ...(beforeWork ? { beforeWork } : {}),
      ...(imports.length > 0 ? { imports: firstOf(imports) } : {}),
      configExtraOf: (image) => caches.get(image)?.configExtra,
    }))
  })
  const others = new Map<string, Promise<Driver>>()
  const works = new Map<string, ImageWork>()
  const remote = nodes.length === 0 ? undefined : await import('../driver/other-machines.ts')
  const keptImages = remote?.openKeptImages(session)
  const buildFor = remote?.createRemoteBuilds({
    targets,
    inputsOf,
    store,
    env,
    warn: session.warn,
    hide: secrecy.hide,
    cut: secrecy.cut,
    graphFor: graphWhere,
  })
  if (targets.some(isPlannedHere)) {
    await here().catch(async (error: unknown) => {
      await closeInputs()
      throw error
    })
  }

  return {
    driverFor: (name) => ({
      async build(job, jobOptions) {
        refusePlain(job)
        const kept = job.kind === 'image' && name !== local?.name ? await takeUp(job, jobOptions) : undefined
        if (!kept && name !== local?.name) await beforeWork?.(new Set(job.image === undefined ? [] : [job.image]))
        return withFiles(job, kept ?? (await (await driverOf(name, job)).build(job, jobOptions)))
      },
      close: async () => undefined,
    }),
    testerAt: (name, image) => (isOther(name) ? driverOf(name, { image }) : undefined),
    baseOf: (target, stage) => embedded?.baseOf(target, stage),
    async keep(outcomes) {
      for (const outcome of outcomes) {
        if (outcome.status !== 'done') continue
        const { node } = outcome.job.decision.strategy
        const work = works.get(targetKey(targetOfJob(outcome.job)))
        const own = outcomes.filter(({ job }) => job.image === outcome.job.image)
        // What was built here is in the cache of steps
        if (work && node !== local?.name)
          await keptImages!.keep(work, outcome.image, { node, rescue: !isWhole(own), signal })
      }
    },
    async save({ image }, { built }) {
      await embedded?.save()
      const own = caches.get(image)
      if (!embedded || !own) return
      const { solver } = embedded
      const lowered = embedded
        .lowered()
        .filter((target) => built.some(({ job }) => sameTarget(targetOfJob(job), target)))
      const isOwn = ({ vertex }: SolvedStep) => image === undefined || vertex.shown.images.has(image)
      await own.save({
        workers: services.workers,
        layers: services.layers,
        solver: { ...solver, steps: () => solver.steps().filter(isOwn) },
        lowered,
        signal,
      })
    },
    async close() {
      await Promise.allSettled([closeInputs(), ...[...others.values()].map(async (driver) => (await driver).close())])
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
  function withFiles(job: Job, image: BuiltImage): BuiltImage {
    const { outputs } = requestOf(job.image)
    if (image.exportTree || !outputs.outputs.some(({ type }) => type === 'local' || type === 'tar')) return image
    return remote!.withTree(image, services, options)
  }

  function isOther(name: string): boolean {
    return nodes.some(({ node }) => node.name === name)
  }

  /** Of another node there is one for each image: where the node pushes to is the image's. */
  function driverOf(name: string, { image }: { readonly image?: string | undefined }): Promise<Driver> {
    if (name === local?.name) return here().then(({ driver }) => driver)
    const key = targetName({ image, platform: name })
    const driver = others.get(key) ?? openOther(nodes.find(({ node }) => node.name === name)!, requestOf(image))
    others.set(key, driver)
    return driver
  }

  async function openOther(opened: OpenedNode, { outputs, options: own }: SessionRequest): Promise<Driver> {
    const [build, { pushTargetFor, pushedOrBrought }] = [buildFor!, remote!]
    const pushTo = pushTargetFor(opened, {
      ...outputs,
      tags: pushNames(outputs),
      options: own,
      registry,
      signal,
    })
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
    const work = { target: targetOf(targetOfJob(job)), build: await buildFor!(job), stages }
    works.set(targetKey(work.target), work)
    const image = await keptImages!.find(work, signal)
    if (!image?.earlier) return undefined
    const step = `finished ${job.id}`
    const platform = formatPlatform(job.target)
    emit({
      type: 'step.start',
      step,
      name: `[${platform}] nothing changed since ${image.earlier.node} built it`,
      platforms: [platform],
      ...(job.image === undefined ? {} : { images: [job.image] }),
      at: Date.now(),
    })
    emit({ type: 'step.done', step, cached: true, at: Date.now() })
    return image
  }

  function targetOf(wanted: TargetId): TargetBuild {
    return [...targets, ...support].find((target) => sameTarget(target, wanted))!
  }

  function requestOf(wanted: string | undefined): SessionRequest {
    return requests.find(({ image }) => image === wanted)!
  }
}

/** What every request may show to its steps. The only one that cannot be had is thrown; of several each fails alone. */
async function openAllInputs(
  requests: readonly SessionRequest[],
  from: Parameters<typeof openBuildInputs>[1],
): Promise<ReadonlyMap<string | undefined, PromiseSettledResult<BuildInputs>>> {
  const opened = await Promise.allSettled(requests.map(({ options }) => openBuildInputs(options, from)))
  const [only] = opened
  if (opened.length === 1 && only?.status === 'rejected') throw only.reason
  return new Map(requests.map(({ image }, index) => [image, opened[index]!]))
}

/** The first cache that knows a step. */
function firstOf(imports: readonly StepImports[]): StepImports {
  return {
    async find(key, signal) {
      for (const one of imports) {
        const found = await one.find(key, signal)
        if (found) return found
      }
      return undefined
    },
  }
}

/** Caches of other machines: code that most builds never load. */
async function openCachesOf(
  options: CompleteOptions,
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
