import { compact } from '../../compact.ts'
import type { ContainerConfig } from '../../oci/manifest.ts'
import { evaluateStage } from '../evaluate.ts'
import type { EvaluatedStage, GraphStage, StageGraph } from '../types.ts'
import type { StageView, View } from './rule.ts'

/** What is known about a stage, and about the image (or context) that it starts from. */
export interface BaseFacts {
  readonly config?: ContainerConfig
  /** The platforms it has, when the stage's is not among them. */
  readonly otherPlatforms?: readonly string[]
  /** What the stage comes to, where it was evaluated already. */
  readonly evaluated?: EvaluatedStage
}

/** Evaluates every stage of a graph; a base that `baseOf` does not know counts as one with an empty config. */
export function viewOf(graph: StageGraph, baseOf: (stage: GraphStage) => BaseFacts | undefined): View {
  const done = new Map<number, StageView>()
  for (const stage of graph.stages) {
    const parent = stage.base.kind === 'stage' ? done.get(stage.base.index) : undefined
    const known = baseOf(stage)
    const base = parent ? undefined : known
    const config = parent?.evaluated.config ?? base?.config ?? {}
    const evaluated = known?.evaluated ?? evaluateStage(stage, { config, ...compact({ args: parent?.evaluated.args }) })
    done.set(stage.index, {
      stage,
      evaluated,
      baseIsKnown: parent?.baseIsKnown ?? (stage.base.kind === 'scratch' || base?.config !== undefined),
      shell: config.Shell,
      ...compact({ otherPlatforms: base?.otherPlatforms }),
    })
  }
  return { graph, stages: [...done.values()] }
}
