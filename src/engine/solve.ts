import { executeStep, isLinked } from './execute-step.ts'
import { locateError, stepStart } from './step-events.ts'
import { stepContent, type StepInputs } from './step-inputs.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import type { Emit } from '../events.ts'
import { imageKey } from '../content/base-record.ts'
import type { UsedPack } from '../content/built-image.ts'
import type { Acceleration } from './acceleration.ts'
import type { EmulatedStep } from './made-ahead.ts'
import type { Context } from '../content/context.ts'
import type { ProgramStarts, StepProfile } from '../content/starts.ts'
import type { Remotes } from './remotes-types.ts'
import { chainOf } from '../content/layer-chain.ts'
import { newSnapshotId, type Layers } from './layers.ts'
import { createLimit } from '../content/limit.ts'
import { stepCacheKey } from './cache-key.ts'
import { emulatedStep, prepareRun } from './execute-run.ts'
import type { RunVertex, StepVertex, Vertex } from './vertex.ts'
import type { FolderSource } from '../content/sources.ts'
import { createStepCache, type StepImports } from './step-cache.ts'
import type { StepMounts } from './step-mounts.ts'
import type { Networks } from './networks.ts'
import type { Runtime } from './runtime.ts'
import { speculationOf } from './speculation.ts'
import { createSharedWork } from './shared-work.ts'
import type { Workers } from './workers.ts'
import type { Solved, SolvedStep } from './solved.ts'

export interface SolverOptions {
  readonly store: Store
  readonly workers: Workers
  readonly layers: Layers
  readonly context: (folder: FolderSource) => Promise<Context>
  readonly remotes: Remotes
  readonly isNative: (platform: Platform) => boolean
  /** The OCI runtime; looked for by the first RUN. */
  readonly runtime: () => Promise<Runtime>
  readonly mounts: StepMounts
  readonly networks: Networks
  /** Native toolchains for emulated steps. */
  readonly acceleration?: Acceleration
  /** Told what programs of a step were run from, now or when the cache learnt it. */
  readonly onPacks?: (packs: readonly UsedPack[], cached: boolean, images: ReadonlySet<string>) => void
  /** Told what programs an emulated step started. */
  readonly onStarts?: (
    platform: string,
    starts: readonly ProgramStarts[],
    images: ReadonlySet<string>,
    profile?: StepProfile,
  ) => void
  /** Waited for before a step is run for some images; throws when it should not be. */
  readonly beforeWork?: (images: ReadonlySet<string>) => Promise<void>
  readonly jobs: number
  /** Caches of other machines. */
  readonly imports?: StepImports
  readonly emit: Emit
}

/** Runs vertices as soon as their inputs are there, each once, at most `jobs` at a time. */
export interface Solver {
  solve(vertex: Vertex, signal: AbortSignal): Promise<Solved>
  /** Every step that is done by now, in the order in which they ended. */
  steps(): readonly SolvedStep[]
}

export type { StepRecord } from './step-cache.ts'

export function createSolver(options: SolverOptions): Solver {
  const share = createSharedWork<Solved>()
  const done: SolvedStep[] = []
  const limit = createLimit(options.jobs)
  const { layers, emit } = options
  const speculates = options.acceleration?.mode === 'speculate'
  const cache = createStepCache({ ...options, speculates })
  /** The RUN that comes next after a step, by the step's id: it runs when the step does. */
  const nextRuns = new Map<string, RunVertex>()
  /** Emulated steps that are wanted, and may have to be run. */
  const pending = new Map<string, EmulatedStep>()

  function solve(vertex: Vertex, signal: AbortSignal): Promise<Solved> {
    return share(vertex.id, signal, (shared) => solveNew(vertex, shared))
  }

  async function solveNew(vertex: Vertex, signal: AbortSignal): Promise<Solved> {
    if (vertex.kind === 'scratch') return { key: 'scratch', layers: [] }
    if (vertex.kind === 'image') {
      // Nothing is fetched here: a layer comes when a step, or the output, needs its content.
      report(vertex, true)
      return { key: imageKey(vertex.image), layers: chainOf(vertex.image.layers) }
    }
    if (vertex.kind === 'remote') return options.remotes.tree(vertex, signal)
    if (vertex.kind === 'run' && options.acceleration && !options.isNative(vertex.platform)) {
      const step = emulatedStep(vertex, options.context)
      if (step) pending.set(vertex.id, step)
    }
    const next = vertex.kind === 'run' ? vertex : nextRuns.get(vertex.id)
    if (next) for (const input of inputsOf(vertex)) nextRuns.set(input.id, next)
    const from =
      vertex.kind === 'copy' && vertex.from && vertex.from.kind !== 'folder' ? solve(vertex.from, signal) : undefined
    const mounted =
      vertex.kind === 'run'
        ? vertex.mounted.map((one) => (one && one.kind !== 'folder' ? solve(one, signal) : undefined))
        : []
    const [parent, source, ...sources] = await Promise.all([solve(vertex.parent, signal), from, ...mounted])
    const solved = await solveStep(vertex, { parent, source, sources, signal })
    done.push({ vertex, solved })
    return solved
  }

  async function solveStep(vertex: StepVertex, inputs: StepInputs): Promise<Solved> {
    const { parent, signal } = inputs
    let started = false
    const start = () => {
      if (!started) emit(stepStart(vertex))
      started = true
    }
    try {
      const content = await stepContent(vertex, inputs, { ...options, solve })
      const fresh = vertex.fresh || [parent, inputs.source, ...inputs.sources].some((input) => input?.fresh)
      const key = stepCacheKey({
        vertex,
        parent: parent.key,
        content: content.key,
        added: content.added.map((one) => one.key),
        verified: isVerified(vertex),
      })
      const record = fresh ? undefined : await cache.find(key, { below: parent.key, vertex }, signal)
      if (record) {
        pending.delete(vertex.id)
        report(vertex, true)
        options.onPacks?.(record.packs ?? [], true, vertex.shown.images)
        return {
          key,
          layers: [...parent.layers, record.layer],
          created: record.created,
          ...(record.packs ? { packs: record.packs } : {}),
          ...(record.siblings ? { siblings: record.siblings } : {}),
          ...(record.speculated ? { speculated: true } : {}),
          ...(typeof record.took === 'number' ? { took: record.took } : {}),
        }
      }
      const { starts, profile, ...made } = await limit(async () => {
        signal.throwIfAborted()
        await options.beforeWork?.(vertex.shown.images)
        start()
        options.acceleration?.foresee([...pending.values()])
        const next = vertex.kind === 'run' ? vertex : nextRuns.get(vertex.id)
        if (next) prepareRun(next, { ...options, signal })
        const id = newSnapshotId()
        const lowers = isLinked(vertex) ? [] : await layers.unpacked(parent.layers, signal)
        const began = performance.now()
        const speculation = speculates ? speculationOf(options.store, key) : undefined
        const ran = await executeStep(vertex, { id, lowers }, { ...inputs, content }, { ...options, speculation })
        const { empty, contentKey, packs = [], starts = [], times } = ran
        const took = Math.round(performance.now() - began)
        const siblings = usedSiblings(packs, inputs)
        for (const message of ran.warnings ?? [])
          emit({ type: 'warning', message, ...(vertex.shown.at ? { source: vertex.shown.at } : {}), at: Date.now() })
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
      })
      pending.delete(vertex.id)
      options.onPacks?.(made.packs ?? [], false, vertex.shown.images)
      if (vertex.kind === 'run')
        options.onStarts?.(formatPlatform(vertex.platform), starts, vertex.shown.images, profile)
      await cache.put(key, { below: parent.key, vertex }, made)
      emit({ type: 'step.done', step: vertex.id, cached: false, at: Date.now() })
      return {
        key,
        layers: [...parent.layers, made.layer],
        created: made.created,
        took: made.took,
        ...(fresh ? { fresh } : {}),
        ...(made.packs ? { packs: made.packs } : {}),
        ...(made.siblings ? { siblings: made.siblings } : {}),
        ...(made.speculated ? { speculated: true } : {}),
      }
    } catch (thrown) {
      const error = locateError(thrown, vertex, signal)
      start()
      emit({ type: 'step.fail', step: vertex.id, error, at: Date.now() })
      throw error
    }
  }

  /** What twins wrote is what emulated programs would have written, unless somebody wants to see it. */
  function isVerified(vertex: StepVertex): boolean {
    return vertex.kind === 'run' && options.acceleration?.mode === 'verify' && !options.isNative(vertex.platform)
  }

  function report(vertex: Exclude<Vertex, { kind: 'scratch' }>, cached: boolean): void {
    emit(stepStart(vertex))
    emit({ type: 'step.done', step: vertex.id, cached, at: Date.now() })
  }

  return { solve, steps: () => done }
}

/** The steps whose results a step is made from. */
function inputsOf(vertex: StepVertex): Vertex[] {
  const read = vertex.kind === 'copy' ? [vertex.from] : vertex.kind === 'run' ? vertex.mounted : []
  return [vertex.parent, ...read.flatMap((one) => (one && one.kind !== 'folder' ? [one] : []))]
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
