import { imageKey } from '../content/base-record.ts'
import { chainOf } from '../content/layer-chain.ts'
import { createLimit } from '../content/limit.ts'
import { emulatedStep, prepareRun } from './execute-run.ts'
import type { EmulatedStep } from './made-ahead.ts'
import { createSharedWork } from './shared-work.ts'
import { reportCached, solveStep, type StepEdges } from './solve-step.ts'
import type { Solved, SolvedStep } from './solved.ts'
import type { SolverOptions } from './solver-options.ts'
import { createStepCache } from './step-cache.ts'
import type { StepInputs } from './step-inputs.ts'
import type { RunVertex, StepVertex, Vertex } from './vertex.ts'

/** Runs vertices as soon as their inputs are there, each once, at most `jobs` at a time. */
export interface Solver {
  solve(vertex: Vertex, signal: AbortSignal): Promise<Solved>
  /** Every step that is done by now, in the order in which they ended. */
  steps(): readonly SolvedStep[]
}

export function createSolver(options: SolverOptions): Solver {
  const share = createSharedWork<Solved>()
  const done: SolvedStep[] = []
  const coming = createComing(options)
  const speculates = options.acceleration?.mode === 'speculate'
  const edges: StepEdges = {
    ...options,
    cache: createStepCache({ ...options, speculates }),
    limit: createLimit(options.jobs),
    speculates,
    solve,
    onRun: coming.prepare,
    onKnown: coming.forget,
  }

  function solve(vertex: Vertex, signal: AbortSignal): Promise<Solved> {
    return share(vertex.id, signal, (shared) => solveNew(vertex, shared))
  }

  async function solveNew(vertex: Vertex, signal: AbortSignal): Promise<Solved> {
    if (vertex.kind === 'scratch') return { key: 'scratch', layers: [] }
    if (vertex.kind === 'image') {
      // Nothing is fetched here: a layer comes when a step, or the output, needs its content.
      reportCached(vertex, options.emit)
      return { key: imageKey(vertex.image), layers: chainOf(vertex.image.layers) }
    }
    if (vertex.kind === 'remote') return options.remotes.tree(vertex, signal)
    coming.expect(vertex)
    const solved = await solveStep(vertex, await solveInputs(vertex, signal), edges)
    done.push({ vertex, solved })
    return solved
  }

  async function solveInputs(vertex: StepVertex, signal: AbortSignal): Promise<StepInputs> {
    const solveRead = (read: Read) => (read && read.kind !== 'folder' ? solve(read, signal) : undefined)
    const [parent, source, ...sources] = await Promise.all([
      solve(vertex.parent, signal),
      vertex.kind === 'copy' ? solveRead(vertex.from) : undefined,
      ...(vertex.kind === 'run' ? vertex.mounted.map(solveRead) : []),
    ])
    return { parent, source, sources, signal }
  }

  return { solve, steps: () => done }
}

/** What a step reads beside the file system that it starts from. */
type Read = RunVertex['mounted'][number]

/** What comes next, so that it can be made ready. */
interface Coming {
  /** The step is wanted. */
  expect(vertex: StepVertex): void
  /** It is about to be run. */
  prepare(vertex: StepVertex, signal: AbortSignal): void
  /** It needs not be run any more. */
  forget(vertex: StepVertex): void
}

function createComing(options: SolverOptions): Coming {
  const { acceleration, isNative, context } = options
  /** The RUN that comes next after a step, by the step's id: it runs when the step does. */
  const nextRuns = new Map<string, RunVertex>()
  /** Emulated steps that are wanted, and may have to be run. */
  const pending = new Map<string, EmulatedStep>()
  const nextRun = (vertex: StepVertex) => (vertex.kind === 'run' ? vertex : nextRuns.get(vertex.id))
  return {
    expect(vertex) {
      if (vertex.kind === 'run' && acceleration && !isNative(vertex.platform)) {
        const step = emulatedStep(vertex, context)
        if (step) pending.set(vertex.id, step)
      }
      const next = nextRun(vertex)
      if (next) for (const input of inputsOf(vertex)) nextRuns.set(input.id, next)
    },
    prepare(vertex, signal) {
      acceleration?.foresee([...pending.values()])
      const next = nextRun(vertex)
      if (next) prepareRun(next, { ...options, signal })
    },
    forget: ({ id }) => void pending.delete(id),
  }
}

/** The steps whose results a step is made from. */
function inputsOf(vertex: StepVertex): Vertex[] {
  const read = vertex.kind === 'copy' ? [vertex.from] : vertex.kind === 'run' ? vertex.mounted : []
  return [vertex.parent, ...read.flatMap((one) => (one && one.kind !== 'folder' ? [one] : []))]
}
