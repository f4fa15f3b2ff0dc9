import type { Images } from '../../content/images.ts'
import type { BuiltStage } from '../../content/built-image.ts'
import type { CompleteOptions } from '../../config/options.ts'
import { allowsHostNetwork, checkHostNetwork } from '../../dockerfile/entitlements.ts'
import type { StageGraph } from '../../dockerfile/types.ts'
import { checkResources } from '../../engine/check-resources.ts'
import { lower } from '../../engine/lower.ts'
import type { ImageFor, Lowered } from '../../engine/lowered.ts'
import { resolveImages } from '../../engine/resolve.ts'
import { toXbuildError, XbuildError, type Diagnostic } from '../../errors.ts'
import { sameTarget, targetOfJob, type TargetId } from '../../plan/target-id.ts'
import type { Job } from '../../plan/types.ts'
import { formatPlatform } from '../../platform.ts'
import type { Store } from '../../store/store.ts'
import type { TargetBuild } from '../target.ts'
import { withHandedOver } from './handed-over.ts'
import { createLowering } from './lowering.ts'
import { withTriggers } from './with-triggers.ts'

/** A target and what its image is made of. */
export interface LoweredTarget extends TargetId {
  /** With what triggers of base images name. */
  readonly graph: StageGraph
  readonly lowered: Lowered
  readonly imageFor: ImageFor
}

/** The targets of one engine: those that are lowered, and those that cannot be. */
export interface LoweredTargets {
  all(): readonly LoweredTarget[]
  /** Throws the error of one that cannot be lowered in the end: when its job runs, where `keepGoing`. */
  open(wanted: readonly TargetBuild[]): Promise<void>
  /** What a job builds, with the stages that were built elsewhere for it. */
  find(job: Job, stages: readonly BuiltStage[]): Promise<Lowered>
}

/** What lowering of targets needs of the session. */
export interface LoweredTargetsEdges {
  /** Finds a target that was not there at first, when its job moves here. */
  readonly more: (target: TargetId) => TargetBuild
  readonly imagesFor: (options: CompleteOptions) => Images
  readonly inputsOf: Parameters<typeof createLowering>[0]
  readonly check: (diagnostics: readonly Diagnostic[]) => void
  readonly keepGoing: boolean
  readonly store: Store
  readonly uid: number
  readonly signal: AbortSignal
}

/** No target is there yet. */
export function createLoweredTargets({
  more,
  imagesFor,
  inputsOf,
  check,
  keepGoing,
  store,
  uid,
  signal,
}: LoweredTargetsEdges): LoweredTargets {
  const { table, optionsFor } = createLowering(inputsOf)
  const opened: LoweredTarget[] = []
  /** Targets that cannot be built, and why. */
  const refused: (TargetId & { readonly error: unknown })[] = []
  return { all: () => opened, open, find }

  /** Resolves side by side, lowers in order: the same build shows the same steps. */
  async function open(wanted: readonly TargetBuild[]): Promise<void> {
    const resolved = await Promise.all(
      withNeeds(wanted).map(async (target) => {
        try {
          if (target.dockerfile.frontend)
            throw new XbuildError(
              'UNSUPPORTED',
              `Cannot build "${target.image}" here: another frontend reads its Dockerfile`,
              {
                hint: 'Build it, and what is made from it, on BuildKit nodes with --builder',
              },
            )
          return { target, imageFor: await resolve(target, target.graph) }
        } catch (error) {
          if (!(target.optional || keepGoing) || signal.aborted) throw error
          return { target, error }
        }
      }),
    )
    const found: Diagnostic[] = []
    for (const { target, imageFor: first, error } of resolved) {
      const { image, platform } = target
      if (!first) {
        refused.push({ image, platform, error })
        continue
      }
      try {
        const { graph, imageFor, problems } = await withTriggers(target, first, (wider) => resolve(target, wider))
        const lowered = lower(graph, { imageFor, ...optionsFor(target) })
        const vertices = [...lowered.vertices.values()].flat().map((id) => table.get(id)!)
        checkResources(vertices, uid)
        const diagnostics = [...problems, ...lowered.diagnostics, ...checkTriggers(lowered, target)]
        if (keepGoing) check(diagnostics)
        else found.push(...diagnostics)
        opened.push({ image, platform, graph, imageFor, lowered })
      } catch (thrown) {
        if (!keepGoing) throw thrown
        refused.push({ image, platform, error: thrown })
      }
    }
    check(found)
  }

  function resolve({ options: own }: TargetBuild, graph: StageGraph): Promise<ImageFor> {
    return resolveImages([graph], {
      images: imagesFor(own),
      contexts: own.buildContexts,
      cwd: own.cwd,
      built: (image, platform) => loweredOf({ image, platform }),
      signal,
    })
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
    const why = refused.find(isIt)
    if (!why)
      throw new XbuildError(
        'UNSUPPORTED',
        `Cannot use "target:${wanted.image}": only ONBUILD of a base image names it`,
        {
          hint: 'Name it in the Dockerfile, too: with FROM or COPY --from',
        },
      )
    const error = toXbuildError(why.error)
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
      const lowered = lower(found.graph, { imageFor, ...optionsFor(target) })
      opened[opened.indexOf(found)] = { ...found, imageFor, lowered }
      return lowered
    }
    if (job.kind === 'image') return found.lowered
    const target = more(wanted)
    const stage = found.graph.stages.find(({ name, index }) => (name ?? String(index)) === job.stage)!
    return lower({ ...found.graph, targetStage: stage.index }, { imageFor: found.imageFor, ...optionsFor(target) })
  }
}

/** Triggers of base images are known only when these are. */
function checkTriggers({ evaluations }: Lowered, { options }: TargetBuild): Diagnostic[] {
  const allowed = allowsHostNetwork(options)
  return [...evaluations.values()].flatMap(({ steps }) => checkHostNetwork(steps, allowed))
}
