import { availableParallelism } from 'node:os'
import { compact } from '../../compact.ts'
import type { CompleteOptions } from '../../config/options.ts'
import type { BuildInputs } from '../../content/build-inputs.ts'
import type { Context } from '../../content/context.ts'
import { createContexts } from '../../content/contexts.ts'
import { createImages, type Images } from '../../content/images.ts'
import type { FolderSource } from '../../content/sources.ts'
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
import { createLoweredTargets, type LoweredTargets } from './lowered-targets.ts'
import type { LoweredTarget } from './target-table.ts'

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
export async function openEmbedded(opening: OpenOptions): Promise<EmbeddedEngine> {
  const { store, uid } = opening.services
  const contexts = createContexts({ records: store.records })
  const lowered = createLoweredTargets({ ...opening, imagesFor: createImagesByPull(opening), store, uid })
  await lowered.open(opening.targets)
  const solver = openSolver(opening, contexts.open)
  const opened = (target: TargetId) => lowered.all().find((one) => sameTarget(one, target))
  return {
    driver: openDriver(opening, { lowered, solver, opened }),
    solver,
    lowered: lowered.all,
    baseOf(target, stage) {
      const found = opened(target)
      return found && baseFacts(found, stage)
    },
    save: contexts.save,
  }
}

/** Base images for options: those of `--pull` are asked for anew. */
function createImagesByPull({
  options: { cwd },
  services: { store },
  registry,
  emit,
}: OpenOptions): (options: Pick<CompleteOptions, 'pull'>) => Images {
  const images = new Map<boolean, Images>()
  return ({ pull }) => {
    const known = images.get(pull) ?? createImages({ store, registry, cwd, emit, pull })
    images.set(pull, known)
    return known
  }
}

function openSolver(
  { options, services, isNative, imports, beforeWork, emit, signal }: OpenOptions,
  context: (folder: FolderSource) => Promise<Context>,
): Solver {
  const { store, workers, layers, remotes, uid, warn } = services
  const { ociRuntime, jobs = Math.max(16, availableParallelism()) } = options
  const runtime = createRuntimeFinder({
    ...{ store, workers, uid, signal, facts: openMachineFacts, onWarning: warn },
    ...(ociRuntime ? { wanted: ociRuntime } : {}),
  })
  return createSolver({
    ...{ store, workers, layers, remotes, context, isNative, runtime, jobs, emit },
    mounts: createStepMounts({ store, workers, layers, remotes, context, caches: createCacheMounts(store, uid) }),
    networks: createNetworks(warn),
    ...compact({ imports, beforeWork, acceleration: services.acceleration }),
    onPacks: services.packs.add,
    onStarts: services.starts.add,
  })
}

/** What the driver, and the record of what it built, are made from. */
interface EngineParts {
  readonly lowered: LoweredTargets
  readonly solver: Solver
  readonly opened: (target: TargetId) => LoweredTarget | undefined
}

function openDriver(opening: OpenOptions, parts: EngineParts): Driver {
  const { options, services, more, configExtraOf } = opening
  const { store, workers, layers } = services
  const engine = createEmbeddedDriver({
    ...{ store, workers, layers, solver: parts.solver, lowered: parts.lowered.find },
    about: (job) => ({
      labels: more(targetOfJob(job)).options.labels,
      ...compact({ configExtra: configExtraOf(job.image) }),
    }),
    ...compact({ sourceDateEpoch: options.sourceDateEpoch }),
  })
  return {
    ...engine,
    build: async (job, jobOptions) => ({
      ...(await engine.build(job, jobOptions)),
      // What another engine built for it left no record here
      ...(job.kind === 'image' && !jobOptions.stages?.length
        ? { record: (abort) => recordOf(targetOfJob(job), { opening, parts, signal: abort.signal }) }
        : {}),
    }),
  }
}

/** What a target was made of, with what the images were made of that it is made from. */
async function recordOf(
  target: TargetId,
  edges: { readonly opening: OpenOptions; readonly parts: EngineParts; readonly signal: AbortSignal },
): Promise<BuildRecord> {
  const { opening, parts, signal } = edges
  const { recordBuild } = await import('../../engine/build-record.ts')
  const { graph, imageFor, lowered } = parts.opened(target)!
  const { main, needs } = opening.more(target)
  const { remotes } = opening.services
  const own = await recordBuild({ graph, lowered, imageFor, context: main, solver: parts.solver, remotes, signal })
  const below = await Promise.all(needs.map((need) => recordOf(need, edges)))
  return {
    ...own,
    images: [...own.images, ...below.flatMap((one) => one.images)],
    remotes: [...own.remotes, ...below.flatMap((one) => one.remotes)],
  }
}
