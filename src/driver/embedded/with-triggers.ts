import type { StageGraph } from '../../dockerfile/types.ts'
import type { ImageFor } from '../../engine/lowered.ts'
import { unseenTriggers } from '../../engine/resolve.ts'
import type { Diagnostic } from '../../errors.ts'
import type { TargetBuild } from '../target.ts'

/** A target's stages with what triggers of their base images name, and what is wrong with that. */
export interface WiderGraph {
  readonly graph: StageGraph
  readonly imageFor: ImageFor
  readonly problems: readonly Diagnostic[]
}

/**
 * Adds what triggers (ONBUILD) of base images read from: stages, contexts and images that nothing else in the Dockerfile
 * needs. `first` are the images of the target's own graph, `resolve` finds those of a wider one.
 */
export async function withTriggers(
  target: Pick<TargetBuild, 'graph' | 'graphWith'>,
  first: ImageFor,
  resolve: (graph: StageGraph) => Promise<ImageFor>,
): Promise<WiderGraph> {
  let wider: WiderGraph = { graph: target.graph, imageFor: first, problems: [] }
  const triggers = new Map<number, readonly string[]>()
  for (;;) {
    const unseen = unseenTriggers(wider.graph, wider.imageFor)
    if (unseen.size === 0) return { ...wider, problems: withoutKnown(wider.problems, target) }
    for (const [index, texts] of unseen) triggers.set(index, texts)
    const { graph, diagnostics } = target.graphWith(triggers)
    wider = { graph, problems: diagnostics, imageFor: await resolve(graph) }
  }
}

/** Without what the graph that has no triggers says, too: everybody was told that. */
function withoutKnown(
  problems: readonly Diagnostic[],
  { graphWith }: Pick<TargetBuild, 'graphWith'>,
): readonly Diagnostic[] {
  if (problems.length === 0) return problems
  const known = new Set(graphWith(new Map()).diagnostics.map((one) => JSON.stringify(one)))
  return problems.filter((one) => !known.has(JSON.stringify(one)))
}
