import type { BuiltStage } from '../content/built-image.ts'
import { XbuildError } from '../errors.ts'
import { madeFromBroken } from '../plan/images.ts'
import type { BuildPlan, ImageJob, Job } from '../plan/types.ts'
import type { JobOutcome } from './outcome.ts'

/** Images of the session that jobs are made from: a named context may be another image. */
export interface ImageContexts {
  /** Waits for them; why a job cannot be built when one of them failed. */
  broken(job: ImageJob): Promise<XbuildError | undefined>
  /** Those that a job on another engine is handed, under the names of its contexts. */
  builtFor(job: ImageJob): Promise<readonly BuiltStage[]>
}

/** `outcomes` by job id; jobs come in topological order, so that of a job's context is there when it is looked for. */
export function createImageContexts(
  { jobs }: Pick<BuildPlan, 'jobs'>,
  {
    outcomes,
    isOwn,
  }: { readonly outcomes: ReadonlyMap<string, Promise<JobOutcome>>; readonly isOwn: (node: string) => boolean },
): ImageContexts {
  const isHere = ({ decision }: Job) => isOwn(decision.strategy.node)

  /** Of two images on the own engine one shares the steps of the other instead. */
  function handedTo(job: ImageJob): (readonly [name: string, id: string])[] {
    const isShared = (id: string) => isHere(job) && jobs.some((one) => one.id === id && isHere(one))
    return Object.entries(job.contexts ?? {}).filter(([, id]) => !isShared(id))
  }

  return {
    async broken(job) {
      for (const [, id] of handedTo(job)) {
        const outcome = await outcomes.get(id)
        if (outcome && outcome.status !== 'done') return madeFromBroken(outcome.job.image, causeOf(outcome))
      }
      return undefined
    },
    async builtFor(job) {
      const built = await Promise.all(
        handedTo(job).map(async ([name, id]) => ({ name, outcome: await outcomes.get(id) })),
      )
      return built.flatMap(({ name, outcome }) => (outcome?.status === 'done' ? [{ name, image: outcome.image }] : []))
    },
  }
}

function causeOf(outcome: Exclude<JobOutcome, { status: 'done' }>): XbuildError {
  return outcome.status === 'failed' ? outcome.error : new XbuildError('CANCELED', `Skipped: ${outcome.because}`)
}
