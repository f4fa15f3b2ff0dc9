import type { ContainerConfig } from '../../oci/manifest.ts'
import { evaluateStage } from '../evaluate.ts'
import type { GraphStage, StageGraph } from '../types.ts'
import type { StageView, View } from './rule.ts'

/** What is known about the image (or context) that a stage starts from. */
export interface BaseFacts {
  readonly config?: ContainerConfig
  /** The platforms it has, when the stage's is not among them. */
  readonly otherPlatforms?: readonly string[]
}

/** Evaluates every stage of a graph; a base that `baseOf` does not know counts as one with an empty config. */
export function viewOf(graph: StageGraph, baseOf: (stage: GraphStage) => BaseFacts | undefined): View {
  const done = new Map<number, StageView>()
  for (const stage of graph.stages) {
    const parent = stage.base.kind === 'stage' ? done.get(stage.base.index) : undefined
    const base = parent ? undefined : baseOf(stage)
    const config = parent?.evaluated.config ?? base?.config ?? {}
    const evaluated = evaluateStage(stage, { config, ...(parent ? { args: parent.evaluated.args } : {}) })
    done.set(stage.index, {
      stage,
      evaluated,
      baseIsKnown: parent?.baseIsKnown ?? (stage.base.kind === 'scratch' || base?.config !== undefined),
      shell: config.Shell,
      ...(base?.otherPlatforms ? { otherPlatforms: base.otherPlatforms } : {}),
    })
  }
  return { graph, stages: [...done.values()] }
}
