import { availableParallelism } from 'node:os'
import type { BuildOptions } from '../../config/options.ts'
import type { BaseFacts } from '../../dockerfile/checks/view.ts'
import { allowsHostNetwork, checkHostNetwork } from '../../dockerfile/entitlements.ts'
import type { GraphStage } from '../../dockerfile/types.ts'
import { XbuildError, type Diagnostic } from '../../errors.ts'
import { samePlatform, type Platform } from '../../platform.ts'
import type { Job } from '../../plan/types.ts'
import type { BuildRecord } from '../../provenance/facts.ts'
import type { RegistryClient } from '../../registry/types.ts'
import type { Driver, Emit } from '../driver.ts'
import type { TargetBuild } from '../target.ts'
import type { BuildInputs } from './build-inputs.ts'
import { createCacheMounts } from './cache-mounts.ts'
import { createContexts } from './contexts.ts'
import { createEmbeddedDriver, type EmbeddedOptions } from './embedded.ts'
import type { Ground } from './ground.ts'
import { createImages } from './images.ts'
import { lower, type ImageFor, type Lowered, type VertexTable } from './lower.ts'
import type { MainContext } from './main-context.ts'
import { resolveImages } from './resolve.ts'
import { createRuntimeFinder } from './runtime.ts'
import { createSolver, type ContainerOptions, type Solver, type SolverOptions } from './solve.ts'
import { createStepMounts } from './step-mounts.ts'
import type { FolderSource, Vertex } from './vertex.ts'

/** The engine of this machine, ready for the targets it was opened with. */
export interface EmbeddedEngine {
  readonly driver: Driver
  readonly solver: Solver
  /** The vertices of every target that could be lowered so far. */
  lowered(): readonly { readonly platform: Platform; readonly lowered: Lowered }[]
  /** What is known of the image that a stage of a target starts from. */
  baseOf(target: TargetBuild, stage: GraphStage): BaseFacts | undefined
  /** Writes down what makes the next build faster. */
  save(): Promise<void>
}

export interface OpenOptions {
  readonly options: BuildOptions
  /** Those that are planned for this machine; `more` finds another one, when its job moves here. */
  readonly targets: readonly TargetBuild[]
  readonly more: (platform: Platform) => TargetBuild
  readonly isNative: (platform: Platform) => boolean
  readonly ground: Ground
  readonly registry: RegistryClient
  readonly main: MainContext
  readonly inputs: BuildInputs
  /** Caches of other machines, read and carried along. */
  readonly imports?: SolverOptions['imports']
  readonly configExtra?: EmbeddedOptions['configExtra']
  /** Tells warnings, throws errors. */
  readonly check: (diagnostics: readonly Diagnostic[]) => void
  readonly emit: Emit
  readonly signal: AbortSignal
}

interface Opened {
  readonly platform: Platform
  readonly lowered: Lowered
  readonly imageFor: ImageFor
}

/**
 * Opens the embedded engine: finds base images and turns stages into steps. Starts nothing. Throws with the place in
 * the Dockerfile.
 */
export async function openEmbedded({
  options,
  targets,
  more,
  isNative,
  ground,
  registry,
  main,
  inputs,
  imports,
  configExtra,
  check,
  emit,
  signal,
}: OpenOptions): Promise<EmbeddedEngine> {
  const { store, workers, layers, remotes, uid } = ground
  const stamp = options.sourceDateEpoch === undefined ? {} : { sourceDateEpoch: options.sourceDateEpoch }
  const contexts = createContexts(options, { records: store.records })
  const images = createImages({ store, registry, cwd: options.cwd, emit, pull: options.pull })
  const table: VertexTable = new Map()
  const opened: Opened[] = []
  /** Optional platforms that cannot be built, and why. */
  const refused: { readonly platform: Platform; readonly error: unknown }[] = []

  await open(targets)
  const runtime = createRuntimeFinder({
    store,
    workers,
    uid,
    signal,
    onWarning: ground.warn,
    ...(options.ociRuntime ? { wanted: options.ociRuntime } : {}),
  })
  const jobs = options.jobs ?? Math.max(16, availableParallelism())
  const mounts = createStepMounts({
    store,
    workers,
    layers,
    remotes,
    inputs,
    caches: createCacheMounts(store, uid),
    context: contexts.open,
  })
  const solver = createSolver({
    store,
    workers,
    layers,
    remotes,
    mounts,
    container: containerOf(options),
    context: contexts.open,
    isNative,
    runtime,
    jobs,
    noCache: options.noCache,
    emit,
    ...(imports ? { imports } : {}),
    ...(ground.acceleration ? { acceleration: ground.acceleration } : {}),
    onPacks: ground.packs.add,
  })
  const engine = createEmbeddedDriver({
    store,
    workers,
    layers,
    solver,
    lowered: find,
    labels: options.labels,
    ...stamp,
    ...(configExtra ? { configExtra } : {}),
  })
  const driver: Driver = {
    ...engine,
    build: async (job, jobOptions) => ({
      ...(await engine.build(job, jobOptions)),
      ...(job.kind === 'image' ? { record: (abort) => record(job.target, abort.signal) } : {}),
    }),
  }
  return { driver, solver, lowered: () => opened, baseOf, save: contexts.save }

  /** Resolves side by side, lowers in order: the same build shows the same steps. */
  async function open(wanted: readonly TargetBuild[]): Promise<void> {
    const resolved = await Promise.all(
      wanted.map(async (target) => {
        try {
          return {
            target,
            imageFor: await resolveImages([target.graph], { images, contexts: target.options.buildContexts, signal }),
          }
        } catch (error) {
          if (!target.optional || signal.aborted) throw error
          return { target, error }
        }
      }),
    )
    for (const { target, imageFor, error } of resolved) {
      const { platform, graph } = target
      if (!imageFor) {
        refused.push({ platform, error })
        continue
      }
      opened.push({
        platform,
        imageFor,
        lowered: lower(graph, { imageFor, table, context: contextOf(target), fresh: options.noCacheFilter }),
      })
    }
    check(
      opened
        .filter(({ platform }) => wanted.some((target) => target.platform === platform))
        .flatMap(({ lowered }) => [
          ...lowered.diagnostics,
          // Triggers of base images are known only now
          ...[...lowered.evaluations.values()].flatMap(({ steps }) =>
            checkHostNetwork(steps, allowsHostNetwork(options)),
          ),
        ]),
    )
  }

  async function find(job: Job): Promise<Lowered> {
    const platform = job.kind === 'image' ? job.target : job.targets[0]!
    const isIt = (one: { readonly platform: Platform }) => samePlatform(one.platform, platform)
    if (!opened.some(isIt) && !refused.some(isIt)) await open([more(platform)])
    const found = opened.find(isIt)
    if (!found) throw refused.find(isIt)?.error ?? new XbuildError('INTERNAL', 'Cannot find a platform that was opened')
    if (job.kind === 'image') return found.lowered
    const { graph } = more(platform)
    const stage = graph.stages.find(({ name, index }) => (name ?? String(index)) === job.stage)!
    return lower(
      { ...graph, targetStage: stage.index },
      { imageFor: found.imageFor, table, context: contextOf(more(platform)), fresh: options.noCacheFilter },
    )
  }

  async function record(platform: Platform, abort: AbortSignal): Promise<BuildRecord> {
    const { recordBuild } = await import('./build-record.ts')
    const { lowered, imageFor } = opened.find((one) => samePlatform(one.platform, platform))!
    return recordBuild({
      graph: more(platform).graph,
      lowered,
      imageFor,
      context: main.vertex,
      solver,
      remotes,
      signal: abort,
    })
  }

  function contextOf({ file }: TargetBuild): Vertex | FolderSource {
    return (
      main.vertex ?? { kind: 'folder', ...(file.path === undefined ? {} : { ignoreFile: `${file.path}.dockerignore` }) }
    )
  }

  function baseOf({ platform }: TargetBuild, stage: GraphStage): BaseFacts | undefined {
    const found = opened.find((one) => samePlatform(one.platform, platform))
    if (!found) return undefined
    const evaluated = found.lowered.evaluations.get(stage.index)
    const own = evaluated ? { evaluated } : {}
    if (stage.base.kind === 'stage' || stage.base.kind === 'scratch') return own
    const image = found.imageFor(stage.base, stage)
    return 'config' in image ? { ...own, config: image.config.config ?? {} } : own
  }
}

/** What the options say to all RUN steps. */
function containerOf({
  network = 'host',
  addHosts = [],
  ulimits = [],
  shmSize,
  buildArgs,
}: BuildOptions): ContainerOptions {
  const hostname = buildArgs['BUILDKIT_SANDBOX_HOSTNAME'] || undefined
  if (hostname !== undefined && !/^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/i.test(hostname)) {
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot use BUILDKIT_SANDBOX_HOSTNAME="${hostname.slice(0, 80)}": it is no name of a machine`,
      { hint: 'Use letters, digits, "-" and ".", at most 63 of them' },
    )
  }
  return {
    network,
    hosts: addHosts,
    ulimits,
    ...(shmSize === undefined ? {} : { shmSize }),
    ...(hostname === undefined ? {} : { hostname }),
  }
}
