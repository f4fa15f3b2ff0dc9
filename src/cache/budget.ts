import type { SolvedStep } from '../engine/solved.ts'
import type { StepVertex, Vertex } from '../engine/vertex.ts'
import type { CachedStep } from './document.ts'

/** A step, and the milliseconds that a build saves when it need not be run. */
export interface WeighedStep {
  readonly step: CachedStep
  readonly saves: number
}

/**
 * How long each step ran, with all that is run for it alone: a COPY out of a stage saves that stage. Steps whose time
 * nobody knows count as nothing.
 */
export function savingsOf(steps: readonly SolvedStep[]): (vertex: StepVertex) => number {
  const times = new Map(steps.map(({ vertex, solved }) => [vertex.id, solved.took ?? 0]))
  return (vertex) => {
    const seen = new Map<string, number>()
    // A chain may be longer than the stack
    const open = sourcesOf(vertex)
    for (let next = open.pop(); next; next = open.pop()) {
      const time = times.get(next.id)
      if (time === undefined || seen.has(next.id) || !('parent' in next)) continue
      seen.set(next.id, time)
      open.push(next.parent, ...sourcesOf(next))
    }
    return [...seen.values()].reduce((sum, time) => sum + time, times.get(vertex.id) ?? 0)
  }
}

function sourcesOf(vertex: StepVertex): Vertex[] {
  const sources = vertex.kind === 'copy' ? [vertex.from] : vertex.kind === 'run' ? vertex.mounted : []
  return sources.filter((source): source is Vertex => source !== undefined && source.kind !== 'folder')
}

/**
 * The steps whose layers have at most `most` bytes together: those that save the most time for each byte come first.
 * A layer that several steps have counts once; a step without one costs nothing.
 */
export function withinBudget(steps: readonly WeighedStep[], most: number): { kept: CachedStep[]; left: CachedStep[] } {
  const layers = new Map<string, { size: number; saves: number; steps: CachedStep[] }>()
  const kept: CachedStep[] = []
  const left: CachedStep[] = []
  for (const { step, saves } of steps) {
    if (!step.layer) {
      kept.push(step)
      continue
    }
    const { digest, size } = step.layer.descriptor
    const known = layers.get(digest) ?? { size, saves: 0, steps: [] }
    known.saves += saves
    known.steps.push(step)
    layers.set(digest, known)
  }
  const value = ({ saves, size }: { saves: number; size: number }) => saves / Math.max(1, size)
  let used = 0
  for (const layer of [...layers.values()].toSorted((a, b) => value(b) - value(a) || a.size - b.size)) {
    const fits = used + layer.size <= most
    if (fits) used += layer.size
    ;(fits ? kept : left).push(...layer.steps)
  }
  return { kept, left }
}
