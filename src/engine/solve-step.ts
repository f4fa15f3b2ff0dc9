import { compact } from '../compact.ts'
import type { UsedPack } from '../content/built-image.ts'
import type { Limit } from '../content/limit.ts'
import type { ProgramStarts, StepProfile } from '../content/starts.ts'
import type { Emit } from '../events.ts'
import { formatPlatform } from '../platform.ts'
import { stepCacheKey } from './cache-key.ts'
import { executeStep, isLinked } from './execute-step.ts'
import { newSnapshotId } from './layers.ts'
import type { Solved } from './solved.ts'
import type { SolverOptions } from './solver-options.ts'
import { speculationOf } from './speculation.ts'
import type { StepCache, StepRecord } from './step-cache.ts'
import { locateError, stepStart } from './step-events.ts'
import { stepContent, type StepContent, type StepInputs } from './step-inputs.ts'
import type { StepVertex, Vertex } from './vertex.ts'

/** What the steps of one build share. */
export interface StepEdges extends SolverOptions {
  readonly cache: StepCache
  readonly limit: Limit
  /** Whether programs may stand in for those of the image. */
  readonly speculates: boolean
  readonly solve: (vertex: Vertex, signal: AbortSignal) => Promise<Solved>
  /** The step is about to be run: what comes next can be made ready. */
  readonly onRun: (vertex: StepVertex, signal: AbortSignal) => void
  /** The step needs not be run any more. */
  readonly onKnown: (vertex: StepVertex) => void
}

/** What running a step made. */
interface Made extends Pick<StepRecord, 'layer' | 'created' | 'packs' | 'siblings' | 'speculated' | 'took'> {
  readonly starts: readonly ProgramStarts[]
  readonly profile: StepProfile | undefined
}

/** The result of a step whose inputs are there: from the cache, or by running it. */
export async function solveStep(vertex: StepVertex, inputs: StepInputs, edges: StepEdges): Promise<Solved> {
  const { cache, emit } = edges
  const { parent, signal } = inputs
  const start = startOnce(vertex, emit)
  try {
    const content = await stepContent(vertex, inputs, edges)
    const fresh = vertex.fresh || [parent, inputs.source, ...inputs.sources].some((input) => input?.fresh)
    const key = stepCacheKey({
      vertex,
      parent: parent.key,
      content: content.key,
      added: content.added.map((one) => one.key),
      verified: isVerified(vertex, edges),
    })
    const about = { below: parent.key, vertex }
    const record = fresh ? undefined : await cache.find(key, about, signal)
    if (record) {
      edges.onKnown(vertex)
      reportCached(vertex, emit)
      edges.onPacks?.(record.packs ?? [], true, vertex.shown.images)
      return solvedOf(key, record, parent)
    }
    const { starts, profile, ...made } = await edges.limit(() =>
      runStep(vertex, inputs, { edges, content, key, start }),
    )
    edges.onKnown(vertex)
    edges.onPacks?.(made.packs ?? [], false, vertex.shown.images)
    if (vertex.kind === 'run') edges.onStarts?.(formatPlatform(vertex.platform), starts, vertex.shown.images, profile)
    await cache.put(key, about, made)
    emit({ type: 'step.done', step: vertex.id, cached: false, at: Date.now() })
    return { ...solvedOf(key, made, parent), ...(fresh ? { fresh } : {}) }
  } catch (thrown) {
    const error = locateError(thrown, vertex, signal)
    start()
    emit({ type: 'step.fail', step: vertex.id, error, at: Date.now() })
    throw error
  }
}

/** Tells that a step is known, and need not run. */
export function reportCached(vertex: Exclude<Vertex, { kind: 'scratch' }>, emit: Emit): void {
  emit(stepStart(vertex))
  emit({ type: 'step.done', step: vertex.id, cached: true, at: Date.now() })
}

/** A step that fails before it ran has started all the same. */
function startOnce(vertex: StepVertex, emit: Emit): () => void {
  let started = false
  return () => {
    if (!started) emit(stepStart(vertex))
    started = true
  }
}

/** What twins wrote is what emulated programs would have written, unless somebody wants to see it. */
function isVerified(vertex: StepVertex, { acceleration, isNative }: StepEdges): boolean {
  return vertex.kind === 'run' && acceleration?.mode === 'verify' && !isNative(vertex.platform)
}

function solvedOf(
  key: string,
  { layer, created, took, packs, siblings, speculated }: StepRecord,
  parent: Solved,
): Solved {
  return {
    key,
    layers: [...parent.layers, layer],
    created,
    ...(packs ? { packs } : {}),
    ...(siblings ? { siblings } : {}),
    ...(speculated ? { speculated: true } : {}),
    // Of a record that was tampered with it may be anything
    ...(typeof took === 'number' ? { took } : {}),
  }
}

interface Running {
  readonly edges: StepEdges
  readonly content: StepContent
  readonly key: string
  readonly start: () => void
}

async function runStep(vertex: StepVertex, inputs: StepInputs, { edges, content, key, start }: Running): Promise<Made> {
  const { parent, signal } = inputs
  signal.throwIfAborted()
  await edges.beforeWork?.(vertex.shown.images)
  start()
  edges.onRun(vertex, signal)
  const id = newSnapshotId()
  const lowers = isLinked(vertex) ? [] : await edges.layers.unpacked(parent.layers, signal)
  const began = performance.now()
  const speculation = edges.speculates ? speculationOf(edges.store, key) : undefined
  const ran = await executeStep(vertex, { id, lowers }, { ...inputs, content }, { ...edges, speculation })
  const { empty, contentKey, packs = [], starts = [], times } = ran
  const took = Math.round(performance.now() - began)
  const siblings = usedSiblings(packs, inputs)
  for (const message of ran.warnings ?? [])
    edges.emit({ type: 'warning', message, ...compact({ source: vertex.shown.at }), at: Date.now() })
  return {
    layer: { id, empty, ...(contentKey ? { contentKey } : {}) },
    created: new Date().toISOString(),
    took,
    starts,
    profile: times && { step: vertex.shown.name, ...times, starts },
    ...(packs.length > 0 ? { packs } : {}),
    ...(siblings.length > 0 ? { siblings } : {}),
    ...(isSpeculated(packs, inputs) ? { speculated: true as const } : {}),
  }
}

/** Whether programs of a sibling stood in for those of the image in a step, or in what it was made from. */
function isSpeculated(packs: readonly UsedPack[], { parent, source, sources }: StepInputs): boolean {
  return [parent, source, ...sources, ...packs].some((one) => one?.speculated === true)
}

/** Siblings that had a part in a step or in what it was made from. */
function usedSiblings(packs: readonly UsedPack[], { parent, source, sources }: StepInputs): readonly string[] {
  const below = [parent, source, ...sources].flatMap((input) => input?.siblings ?? [])
  return [...new Set([...below, ...packs.flatMap(({ sibling }) => sibling ?? [])])].sort()
}
