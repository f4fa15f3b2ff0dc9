import type { XbuildError } from '../errors.ts'
import type { Emit } from '../events.ts'
import type { ImageJob, Job } from '../plan/types.ts'

/** The image of a job, as events say it. */
export function named({ image }: Job): { readonly image?: string } {
  return image === undefined ? {} : { image }
}

/** The job as it is done by another node. */
export function moved(
  job: ImageJob,
  { strategy, emulates }: NonNullable<ImageJob['alternatives']>[number],
  error: XbuildError,
): ImageJob {
  const { kind, node } = job.decision.strategy
  const { emulates: _, ...rest } = job
  return {
    ...rest,
    ...(emulates ? { emulates: true as const } : {}),
    decision: {
      strategy,
      reason: `${node} failed`,
      rejected: [...job.decision.rejected, { kind, node, because: error.message }],
    },
  }
}

/** Engines elsewhere know nothing of other images: their steps get the name of the image, and ids of their own. */
export function emitOf({ image }: Job, emit: Emit): Emit {
  if (image === undefined) return emit
  return (event) => {
    if (event.type === 'step.start') emit({ ...event, step: `${image} ${event.step}`, images: [image] })
    else if ('step' in event) emit({ ...event, step: `${image} ${event.step}` })
    else emit(event)
  }
}
