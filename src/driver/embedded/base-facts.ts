import type { BaseFacts } from '../../dockerfile/checks/view.ts'
import type { GraphStage } from '../../dockerfile/types.ts'
import type { LoweredTarget } from './target-table.ts'

/** What is known of the image that a stage of a lowered target starts from. */
export function baseFacts({ lowered, imageFor }: LoweredTarget, stage: GraphStage): BaseFacts {
  const evaluated = lowered.evaluations.get(stage.index)
  const own = evaluated ? { evaluated } : {}
  if (stage.base.kind === 'stage' || stage.base.kind === 'scratch') return own
  const image = imageFor(stage.base, stage)
  if ('config' in image) return { ...own, config: image.config.config ?? {} }
  return image.kind === 'built' ? { ...own, config: image.lowered.config } : own
}
