import type { SourcePosition } from '../errors.ts'
import type { ImageConfig } from '../oci/manifest.ts'
import type { GraphStage, StageGraph } from './stage-types.ts'

/** Instructions that make a layer, by their first word in an image's history. */
const MAKE_LAYERS: readonly string[] = ['run', 'copy', 'add', 'workdir']

/** The instruction that made a layer, and its stage. */
export interface LayerInstruction {
  readonly at: SourcePosition
  readonly stage: string
}

/**
 * The instruction of the Dockerfile that made layer `layer` of an image, from 0 at the bottom; nothing for one of the
 * base image, and for an image whose history does not fit the Dockerfile.
 */
export function instructionOfLayer(
  graph: StageGraph,
  { history = [] }: Pick<ImageConfig, 'history'>,
  layer: number,
): LayerInstruction | undefined {
  const entries = history.filter(({ empty_layer }) => !empty_layer)
  const fromTop = entries.length - 1 - layer
  const found = chainOf(graph)
    .flatMap((stage) => layersOf(stage))
    .at(-1 - fromTop)
  if (fromTop < 0 || !found) return undefined
  const word = entries[layer]?.created_by?.trim().split(/[\s|]/, 1)[0]?.toLowerCase()
  return word === found.kind ? { at: found.at, stage: found.stage } : undefined
}

/** The target stage and the stages below it, lowest first. */
function chainOf({ stages, targetStage }: StageGraph): GraphStage[] {
  const chain: GraphStage[] = []
  for (let index: number | undefined = targetStage; index !== undefined; ) {
    const stage = stages.find((one) => one.index === index)
    if (!stage) break
    chain.unshift(stage)
    index = stage.base.kind === 'stage' ? stage.base.index : undefined
  }
  return chain
}

function layersOf({ stage, name, index }: GraphStage): { kind: string; at: SourcePosition; stage: string }[] {
  return stage.instructions
    .filter(({ kind }) => MAKE_LAYERS.includes(kind))
    .map(({ kind, at }) => ({ kind, at, stage: name ?? String(index) }))
}
