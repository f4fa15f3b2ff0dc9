import type { CompleteOptions } from '../../config/options.ts'
import type { BuiltStage } from '../../content/built-image.ts'
import type { Images } from '../../content/images.ts'
import { allowsHostNetwork, checkHostNetwork } from '../../dockerfile/entitlements.ts'
import type { StageGraph } from '../../dockerfile/types.ts'
import { checkResources } from '../../engine/check-resources.ts'
import { lower } from '../../engine/lower.ts'
import type { ImageFor, Lowered } from '../../engine/lowered.ts'
import { resolveImages } from '../../engine/resolve.ts'
import { XbuildError, type Diagnostic } from '../../errors.ts'
import { sameTarget, targetOfJob, type TargetId } from '../../plan/target-id.ts'
import type { Job } from '../../plan/types.ts'
import type { Store } from '../../store/store.ts'
import type { TargetBuild } from '../target.ts'
import { withHandedOver } from './handed-over.ts'
import { createLowering } from './lowering.ts'
import { createTargetTable, type LoweredTarget, type TargetTable } from './target-table.ts'
import { withTriggers } from './with-triggers.ts'

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
export function createLoweredTargets(edges: LoweredTargetsEdges): LoweredTargets {
  const opening: Opening = { ...edges, ...createLowering(edges.inputsOf), targets: createTargetTable() }
  const { targets, more } = opening
  return {
    all: targets.all,
    open: (wanted) => openTargets(wanted, opening),
    async find(job, stages) {
      const wanted = targetOfJob(job)
      if (!targets.has(wanted)) await openTargets([more(wanted)], opening)
      const found = targets.get(wanted)
      if (job.kind === 'stage') return lowerStage(found, job.stage, opening)
      return stages.length > 0 ? lowerWithStages(found, stages, opening) : found.lowered
    },
  }
}

/** One table of steps for all targets of an engine. */
interface Opening extends LoweredTargetsEdges, ReturnType<typeof createLowering> {
  readonly targets: TargetTable
}

/** Resolves side by side, lowers in order: the same build shows the same steps. */
async function openTargets(wanted: readonly TargetBuild[], opening: Opening): Promise<void> {
  const { check, keepGoing, targets } = opening
  const resolved = await Promise.all(withNeeds(wanted, opening).map((target) => resolveTarget(target, opening)))
  const found: Diagnostic[] = []
  for (const { target, imageFor, error } of resolved) {
    if (!imageFor) {
      targets.refuse(target, error)
      continue
    }
    try {
      const { diagnostics, ...lowered } = await lowerTarget(target, imageFor, opening)
      if (keepGoing) check(diagnostics)
      else found.push(...diagnostics)
      targets.set(lowered)
    } catch (thrown) {
      if (!keepGoing) throw thrown
      targets.refuse(target, thrown)
    }
  }
  check(found)
}

/** The targets that are not there yet, each after those that it is made from. */
function withNeeds(wanted: readonly TargetBuild[], { targets, more }: Opening): readonly TargetBuild[] {
  const all: TargetBuild[] = []
  const add = (target: TargetBuild): void => {
    if (targets.has(target) || all.some((one) => sameTarget(one, target))) return
    for (const need of target.needs) add(more(need))
    all.push(target)
  }
  wanted.forEach(add)
  return all
}

interface ResolvedTarget {
  readonly target: TargetBuild
  /** Absent: it cannot be built, for this reason. */
  readonly imageFor?: ImageFor
  readonly error?: unknown
}

async function resolveTarget(target: TargetBuild, opening: Opening): Promise<ResolvedTarget> {
  try {
    if (target.dockerfile.frontend)
      throw new XbuildError(
        'UNSUPPORTED',
        `Cannot build "${target.image}" here: another frontend reads its Dockerfile`,
        { hint: 'Build it, and what is made from it, on BuildKit nodes with --builder' },
      )
    return { target, imageFor: await resolveGraph(target, target.graph, opening) }
  } catch (error) {
    if (!(target.optional || opening.keepGoing) || opening.signal.aborted) throw error
    return { target, error }
  }
}

function resolveGraph(
  { options }: TargetBuild,
  graph: StageGraph,
  { imagesFor, targets, signal }: Opening,
): Promise<ImageFor> {
  return resolveImages([graph], {
    images: imagesFor(options),
    contexts: options.buildContexts,
    cwd: options.cwd,
    built: (image, platform) => targets.loweredOf({ image, platform }),
    signal,
  })
}

async function lowerTarget(
  target: TargetBuild,
  first: ImageFor,
  opening: Opening,
): Promise<LoweredTarget & { readonly diagnostics: readonly Diagnostic[] }> {
  const { table, optionsFor, uid } = opening
  const { image, platform } = target
  const { graph, imageFor, problems } = await withTriggers(target, first, (wider) =>
    resolveGraph(target, wider, opening),
  )
  const lowered = lower(graph, { imageFor, ...optionsFor(target) })
  const vertices = [...lowered.vertices.values()].flat().map((id) => table.get(id)!)
  checkResources(vertices, uid)
  const diagnostics = [...problems, ...lowered.diagnostics, ...checkTriggers(lowered, target)]
  return { image, platform, graph, imageFor, lowered, diagnostics }
}

/** Triggers of base images are known only when these are. */
function checkTriggers({ evaluations }: Lowered, { options }: TargetBuild): Diagnostic[] {
  const allowed = allowsHostNetwork(options)
  return [...evaluations.values()].flatMap(({ steps }) => checkHostNetwork(steps, allowed))
}

/** Stages that were built elsewhere take the place of their steps. */
async function lowerWithStages(
  found: LoweredTarget,
  stages: readonly BuiltStage[],
  { more, optionsFor, store, targets }: Opening,
): Promise<Lowered> {
  const imageFor = await withHandedOver(found.imageFor, stages, { platform: found.platform, store })
  const lowered = lower(found.graph, { imageFor, ...optionsFor(more(found)) })
  targets.set({ ...found, imageFor, lowered })
  return lowered
}

function lowerStage(found: LoweredTarget, wanted: string, { more, optionsFor }: Opening): Lowered {
  const { graph, imageFor } = found
  const stage = graph.stages.find(({ name, index }) => (name ?? String(index)) === wanted)!
  return lower({ ...graph, targetStage: stage.index }, { imageFor, ...optionsFor(more(found)) })
}
