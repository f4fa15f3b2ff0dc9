import { availableParallelism } from 'node:os'
import { compact } from '../../compact.ts'
import type { CompleteOptions } from '../../config/options.ts'
import type { BuildInputs } from '../../content/build-inputs.ts'
import { createContexts } from '../../content/contexts.ts'
import { createImages, type Images } from '../../content/images.ts'
import type { BaseFacts } from '../../dockerfile/checks/view.ts'
import type { GraphStage } from '../../dockerfile/types.ts'
import type { ImageFacts } from '../../engine/assemble-image.ts'
import { createCacheMounts } from '../../engine/cache-mounts.ts'
import { createNetworks } from '../../engine/networks.ts'
import { openMachineFacts } from '../../host/machine-facts.ts'
import { createRuntimeFinder } from '../../engine/runtime.ts'
import type { EngineServices } from '../../engine/services.ts'
import { createSolver, type Solver } from '../../engine/solve.ts'
import type { SolverOptions } from '../../engine/solver-options.ts'
import { createStepMounts } from '../../engine/step-mounts.ts'
import type { Diagnostic } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import { sameTarget, targetOfJob, type TargetId } from '../../plan/target-id.ts'
import type { Platform } from '../../platform.ts'
import type { BuildRecord } from '../../provenance/facts.ts'
import type { RegistryClient } from '../../registry/types.ts'
import type { Driver } from '../driver.ts'
import type { TargetBuild } from '../target.ts'
import { baseFacts } from './base-facts.ts'
import { createEmbeddedDriver } from './driver.ts'
import { createLoweredTargets, type LoweredTarget } from './lowered-targets.ts'

/** The engine of this machine, ready for the targets it was opened with. */
export interface EmbeddedEngine {
  readonly driver: Driver
  readonly solver: Solver
  /** The vertices of every target that could be lowered so far. */
  lowered(): readonly LoweredTarget[]
  /** What is known of the image that a stage of a target starts from. */
  baseOf(target: TargetBuild, stage: GraphStage): BaseFacts | undefined
  /** Writes down what makes the next build faster. */
  save(): Promise<void>
}

export interface OpenOptions {
  /** What the session says: the same for all of its requests. */
  readonly options: Pick<CompleteOptions, 'sourceDateEpoch' | 'ociRuntime' | 'jobs' | 'cwd'>
  /** Those that are planned for this machine; `more` finds another one, when its job moves here. */
  readonly targets: readonly TargetBuild[]
  readonly more: (target: TargetId) => TargetBuild
  readonly isNative: (platform: Platform) => boolean
  readonly services: EngineServices
  readonly registry: RegistryClient
  /** Secrets and agents of an image. */
  readonly inputsOf: (image: string | undefined) => BuildInputs
  /** Caches of other machines, read and carried along. */
  readonly imports?: SolverOptions['imports']
  /** Waited for before a step is run for some images; throws when it should not be. */
  readonly beforeWork?: SolverOptions['beforeWork']
  readonly configExtraOf: (image: string | undefined) => ImageFacts['configExtra']
  /** Tells warnings, throws errors. */
  readonly check: (diagnostics: readonly Diagnostic[]) => void
  /** A target that cannot be opened fails when its job runs; the others go on. */
  readonly keepGoing: boolean
  readonly emit: Emit
  readonly signal: AbortSignal
}

/**
 * Opens the embedded engine: finds base images and turns the stages of all images into one table of steps. Starts
 * nothing. Throws with the place in the Dockerfile.
 */
export async function openEmbedded({
  options,
  targets,
  more,
  isNative,
  services,
  registry,
  inputsOf,
  imports,
  beforeWork,
  configExtraOf,
  check,
  keepGoing,
  emit,
  signal,
}: OpenOptions): Promise<EmbeddedEngine> {
  const { store, workers, layers, remotes, uid } = services
  const contexts = createContexts({ records: store.records })
  const images = new Map<boolean, Images>()
  const lowered = createLoweredTargets({ more, imagesFor, inputsOf, check, keepGoing, store, uid, signal })
  await lowered.open(targets)
  const runtime = createRuntimeFinder({
    store,
    workers,
    uid,
    facts: openMachineFacts,
    signal,
    onWarning: services.warn,
    ...(options.ociRuntime ? { wanted: options.ociRuntime } : {}),
  })
  const jobs = options.jobs ?? Math.max(16, availableParallelism())
  const mounts = createStepMounts({
    store,
    workers,
    layers,
    remotes,
    caches: createCacheMounts(store, uid),
    context: contexts.open,
  })
  const solver = createSolver({
    store,
    workers,
    layers,
    remotes,
    mounts,
    networks: createNetworks(services.warn),
    context: contexts.open,
    isNative,
    runtime,
    jobs,
    emit,
    ...compact({ imports, beforeWork, acceleration: services.acceleration }),
    onPacks: services.packs.add,
    onStarts: services.starts.add,
  })
  const engine = createEmbeddedDriver({
    store,
    workers,
    layers,
    solver,
    lowered: lowered.find,
    about: (job) => {
      const configExtra = configExtraOf(job.image)
      return { labels: more(targetOfJob(job)).options.labels, ...compact({ configExtra }) }
    },
    ...compact({ sourceDateEpoch: options.sourceDateEpoch }),
  })
  const driver: Driver = {
    ...engine,
    build: async (job, jobOptions) => ({
      ...(await engine.build(job, jobOptions)),
      // What another engine built for it left no record here
      ...(job.kind === 'image' && !jobOptions.stages?.length
        ? { record: (abort) => record(targetOfJob(job), abort.signal) }
        : {}),
    }),
  }
  return { driver, solver, lowered: lowered.all, baseOf, save: contexts.save }

  function opened(target: TargetId): LoweredTarget | undefined {
    return lowered.all().find((one) => sameTarget(one, target))
  }

  function baseOf(target: TargetBuild, stage: GraphStage): BaseFacts | undefined {
    const found = opened(target)
    return found && baseFacts(found, stage)
  }

  async function record(target: TargetId, abort: AbortSignal): Promise<BuildRecord> {
    const { recordBuild } = await import('../../engine/build-record.ts')
    const { graph, imageFor, lowered: made } = opened(target)!
    const { main, needs } = more(target)
    const edges = { graph, lowered: made, imageFor, context: main, solver, remotes, signal: abort }
    const own = await recordBuild(edges)
    const below = await Promise.all(needs.map((need) => record(need, abort)))
    return {
      ...own,
      images: [...own.images, ...below.flatMap((one) => one.images)],
      remotes: [...own.remotes, ...below.flatMap((one) => one.remotes)],
    }
  }

  function imagesFor({ pull }: CompleteOptions): Images {
    const known = images.get(pull) ?? createImages({ store, registry, cwd: options.cwd, emit, pull })
    images.set(pull, known)
    return known
  }
}
