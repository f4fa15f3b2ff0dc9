import { executeCopy, executeWorkdir, type StepSnapshot } from './execute-copy.ts'
import { executeRun, type RunEdges } from './execute-run.ts'
import type { AcceleratedRun } from './run-accelerated.ts'
import type { StepContent, StepInputs } from './step-inputs.ts'
import type { StepVertex } from './vertex.ts'

/** Runs a step: makes the snapshot of what it changes. */
export async function executeStep(
  vertex: StepVertex,
  snapshot: StepSnapshot,
  inputs: StepInputs & { readonly content: StepContent },
  edges: Omit<RunEdges, 'inputs' | 'signal'>,
): Promise<AcceleratedRun> {
  const { source, signal } = inputs
  const { selected, mounts, added } = inputs.content
  const { workers, layers } = edges
  if (vertex.kind === 'workdir') return executeWorkdir(vertex, snapshot, { workers, signal })
  if (vertex.kind === 'run') return executeRun(vertex, snapshot, { ...edges, inputs: mounts, signal })
  const more = await Promise.all(added.map((one) => one.source()))
  const { sources, excludes } = vertex.step
  const files = source
    ? { kind: 'snapshot' as const, lowers: await layers.unpacked(source.layers, signal), sources, excludes }
    : { kind: 'context' as const, root: selected!.root, selected: selected!.selected }
  return executeCopy(vertex, snapshot, { workers, files, added: more, signal })
}

/**
 * A COPY --link makes its layer by itself, knowing nothing of what lies below; with --chmod BuildKit copies as usual.
 */
export function isLinked(vertex: StepVertex): boolean {
  return vertex.kind === 'copy' && vertex.step.link && vertex.step.chmod === undefined
}
