import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { compact } from '../../compact.ts'
import type { CompleteOptions } from '../../config/options.ts'
import type { BaseFacts } from '../../dockerfile/checks/view.ts'
import { allowsHostNetwork, checkHostNetwork } from '../../dockerfile/entitlements.ts'
import type { GraphStage } from '../../dockerfile/types.ts'
import { toXbuildError, XbuildError, type Diagnostic } from '../../errors.ts'
import { sameTarget, targetOfJob, type TargetId } from '../../plan/target-id.ts'
import type { Job } from '../../plan/types.ts'
import { formatPlatform, type Platform } from '../../platform.ts'
import type { BuildRecord } from '../../provenance/facts.ts'
import type { RegistryClient } from '../../registry/types.ts'
import type { BuiltStage } from '../../content/built-image.ts'
import type { Driver } from '../driver.ts'
import type { Emit } from '../../events.ts'
import type { TargetBuild } from '../target.ts'
import type { BuildInputs } from '../../content/build-inputs.ts'
import { createCacheMounts } from '../../engine/cache-mounts.ts'
import { checkResources } from '../../engine/check-resources.ts'
import { containerOf } from './container-of.ts'
import { createContexts } from '../../content/contexts.ts'
import { createEmbeddedDriver } from './driver.ts'
import type { ImageFacts } from '../../engine/assemble-image.ts'
import type { EngineServices } from '../../engine/services.ts'
import { withHandedOver } from './handed-over.ts'
import { createImages, type Images } from '../../content/images.ts'
import { lower, sourceVertex, type ImageFor, type Lowered, type VertexTable } from '../../engine/lower.ts'
import { createNetworks } from '../../engine/networks.ts'
import { resolveImages } from '../../engine/resolve.ts'
import { createRuntimeFinder } from '../../engine/runtime.ts'
import { createSolver, type Solver, type SolverOptions } from '../../engine/solve.ts'
import { createStepMounts } from '../../engine/step-mounts.ts'
import type { FolderSource } from '../../content/sources.ts'
import type { RunScope, Vertex } from '../../engine/vertex.ts'

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

/** A target and what its image is made of. */
export interface LoweredTarget extends TargetId {
  readonly lowered: Lowered
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
  readonly configExtraOf: (image: string | undefined) => ImageFacts['configExtra']
  /** Tells warnings, throws errors. */
  readonly check: (diagnostics: readonly Diagnostic[]) => void
  /** A target that cannot be opened fails when its job runs; the others go on. */
  readonly keepGoing: boolean
  readonly emit: Emit
  readonly signal: AbortSignal
}

interface Opened extends LoweredTarget {
  readonly imageFor: ImageFor
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
  configExtraOf,
  check,
  keepGoing,
  emit,
  signal,
}: OpenOptions): Promise<EmbeddedEngine> {
  const { store, workers, layers, remotes, uid } = services
  const contexts = createContexts({ records: store.records })
  const images = new Map<boolean, Images>()
  const scopes = new Map<string | undefined, RunScope>()
  const table: VertexTable = new Map()
  const opened: Opened[] = []
  /** Targets that cannot be built, and why. */
  const refused: (TargetId & { readonly error: unknown })[] = []

  await open(targets)
  const runtime = createRuntimeFinder({
    store,
    workers,
    uid,
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
    ...compact({ imports, acceleration: services.acceleration }),
    onPacks: services.packs.add,
    onStarts: services.starts.add,
  })
  const engine = createEmbeddedDriver({
    store,
    workers,
    layers,
    solver,
    lowered: find,
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
  return { driver, solver, lowered: () => opened, baseOf, save: contexts.save }

  /** Resolves side by side, lowers in order: the same build shows the same steps. */
  async function open(wanted: readonly TargetBuild[]): Promise<void> {
    const resolved = await Promise.all(
      withNeeds(wanted).map(async (target) => {
        try {
          const { graph, options: own, dockerfile } = target
          if (dockerfile.frontend)
            throw new XbuildError(
              'UNSUPPORTED',
              `Cannot build "${target.image}" here: another frontend reads its Dockerfile`,
              {
                hint: 'Build it, and what is made from it, on BuildKit nodes with --builder',
              },
            )
          const imageFor = await resolveImages([graph], {
            images: imagesFor(own),
            contexts: own.buildContexts,
            cwd: own.cwd,
            built: (image, platform) => loweredOf({ image, platform }),
            signal,
          })
          return { target, imageFor }
        } catch (error) {
          if (!(target.optional || keepGoing) || signal.aborted) throw error
          return { target, error }
        }
      }),
    )
    const found: Diagnostic[] = []
    for (const { target, imageFor, error } of resolved) {
      const { image, platform, graph } = target
      if (!imageFor) {
        refused.push({ image, platform, error })
        continue
      }
      try {
        const lowered = lower(graph, { imageFor, ...lowerOptions(target) })
        const vertices = [...lowered.vertices.values()].flat().map((id) => table.get(id)!)
        checkResources(vertices, uid)
        const diagnostics = [...lowered.diagnostics, ...checkTriggers(lowered, target)]
        if (keepGoing) check(diagnostics)
        else found.push(...diagnostics)
        opened.push({ image, platform, imageFor, lowered })
      } catch (thrown) {
        if (!keepGoing) throw thrown
        refused.push({ image, platform, error: thrown })
      }
    }
    check(found)
  }

  /** The targets that are not there yet, each after those that it is made from. */
  function withNeeds(wanted: readonly TargetBuild[]): TargetBuild[] {
    const all: TargetBuild[] = []
    const add = (target: TargetBuild): void => {
      const isIt = (one: TargetId) => sameTarget(one, target)
      if (all.some(isIt) || opened.some(isIt) || refused.some(isIt)) return
      for (const need of target.needs) add(more(need))
      all.push(target)
    }
    wanted.forEach(add)
    return all
  }

  function loweredOf(wanted: TargetId): Lowered {
    const isIt = (one: TargetId) => sameTarget(one, wanted)
    const found = opened.find(isIt)
    if (found) return found.lowered
    const error = toXbuildError(refused.find(isIt)?.error)
    throw error.with({
      message: `Cannot use "target:${wanted.image}" for ${formatPlatform(wanted.platform)}: ${error.message}`,
    })
  }

  async function find(job: Job, stages: readonly BuiltStage[]): Promise<Lowered> {
    const wanted = targetOfJob(job)
    const isIt = (one: TargetId) => sameTarget(one, wanted)
    if (!opened.some(isIt) && !refused.some(isIt)) await open([more(wanted)])
    const found = opened.find(isIt)
    if (!found) throw refused.find(isIt)?.error ?? new XbuildError('INTERNAL', 'Cannot find a target that was opened')
    if (job.kind === 'image' && stages.length > 0) {
      const target = more(wanted)
      const imageFor = await withHandedOver(found.imageFor, stages, { platform: wanted.platform, store })
      const lowered = lower(target.graph, { imageFor, ...lowerOptions(target) })
      opened[opened.indexOf(found)] = { ...found, imageFor, lowered }
      return lowered
    }
    if (job.kind === 'image') return found.lowered
    const target = more(wanted)
    const stage = target.graph.stages.find(({ name, index }) => (name ?? String(index)) === job.stage)!
    return lower({ ...target.graph, targetStage: stage.index }, { imageFor: found.imageFor, ...lowerOptions(target) })
  }

  async function record(target: TargetId, abort: AbortSignal): Promise<BuildRecord> {
    const { recordBuild } = await import('../../engine/build-record.ts')
    const { lowered, imageFor } = opened.find((one) => sameTarget(one, target))!
    const { graph, main, needs } = more(target)
    const own = await recordBuild({ graph, lowered, imageFor, context: main, solver, remotes, signal: abort })
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

  function lowerOptions(target: TargetBuild) {
    const { image, options: own } = target
    const scope = scopes.get(image) ?? { container: containerOf(own), inputs: inputsOf(image) }
    scopes.set(image, scope)
    return {
      table,
      image,
      scope,
      context: contextOf(target),
      fresh: own.noCache ? ('all' as const) : own.noCacheFilter,
    }
  }

  function contextOf({ file, main, options: { cwd, context } }: TargetBuild): Vertex | FolderSource {
    if (main.source) return sourceVertex(main.source, { byUser: main.byUser, table })
    // A name that is not there would make one folder another context for every Dockerfile
    const ignoreFile = file.path === undefined ? undefined : `${file.path}.dockerignore`
    return {
      kind: 'folder',
      path: resolve(cwd, context),
      ...(ignoreFile !== undefined && existsSync(ignoreFile) ? { ignoreFile } : {}),
    }
  }

  function baseOf(target: TargetBuild, stage: GraphStage): BaseFacts | undefined {
    const found = opened.find((one) => sameTarget(one, target))
    if (!found) return undefined
    const evaluated = found.lowered.evaluations.get(stage.index)
    const own = evaluated ? { evaluated } : {}
    if (stage.base.kind === 'stage' || stage.base.kind === 'scratch') return own
    const image = found.imageFor(stage.base, stage)
    if ('config' in image) return { ...own, config: image.config.config ?? {} }
    return image.kind === 'built' ? { ...own, config: image.lowered.config } : own
  }
}

/** Triggers of base images are known only when these are. */
function checkTriggers({ evaluations }: Lowered, { options }: TargetBuild): Diagnostic[] {
  const allowed = allowsHostNetwork(options)
  return [...evaluations.values()].flatMap(({ steps }) => checkHostNetwork(steps, allowed))
}
