import { XbuildError } from '../errors.ts'
import type { BuiltImage } from '../content/built-image.ts'
import type { BuildPlan, ImageJob } from '../plan/types.ts'
import { formatPlatform, samePlatform, type Platform } from '../platform.ts'

/**
 * How a job ended; `job` as it was run at last, after moves. A failed job is an outcome, not an exception: the others
 * go on. Seconds.
 */
export type JobOutcome =
  | { readonly status: 'done'; readonly job: ImageJob; readonly image: BuiltImage; readonly seconds: number }
  | { readonly status: 'failed'; readonly job: ImageJob; readonly error: XbuildError }
  | { readonly status: 'skipped'; readonly job: ImageJob; readonly because: string }

/** What all outcomes come to. */
export interface Settled {
  /** In the order of the platforms asked for. */
  readonly built: readonly Extract<JobOutcome, { status: 'done' }>[]
  /** Optional platforms that the result lacks, and why. */
  readonly missing: readonly { readonly platform: Platform; readonly error: XbuildError }[]
}

/** Whether every job was done, or may fail. */
export function isWhole(outcomes: readonly JobOutcome[]): boolean {
  return outcomes.every(({ status, job }) => status === 'done' || job.optional === true)
}

/**
 * Whether the build as a whole succeeded: every platform that is not optional, and at least one. Throws
 * BuildFailedError, CANCELED.
 */
export function settle(
  { platforms, unplaced = [] }: Pick<BuildPlan, 'platforms' | 'unplaced'>,
  outcomes: readonly JobOutcome[],
  signal: AbortSignal,
): Settled {
  if (signal.aborted) throw new XbuildError('CANCELED', 'Build canceled')
  const built: Extract<JobOutcome, { status: 'done' }>[] = []
  const missing: { readonly platform: Platform; readonly error: XbuildError }[] = []
  const failed: { readonly platform: Platform; readonly error: XbuildError }[] = []
  for (const platform of platforms) {
    const outcome = outcomes.find(({ job }) => samePlatform(job.target, platform))
    if (outcome?.status === 'done') {
      built.push(outcome)
      continue
    }
    const error =
      outcome === undefined
        ? new XbuildError(
            'NO_NODE',
            unplaced.find((one) => samePlatform(one.platform, platform))?.because ?? 'it was not planned',
          )
        : outcome.status === 'failed'
          ? outcome.error
          : new XbuildError('CANCELED', `Skipped: ${outcome.because}`)
    ;(outcome === undefined || outcome.job.optional ? missing : failed).push({ platform, error })
  }
  const fatal = failed.length > 0 || built.length === 0 ? [...failed, ...(built.length === 0 ? missing : [])] : []
  if (fatal.length > 0)
    throw new BuildFailedError(
      fatal.map(({ platform, error }) => ({ platform: formatPlatform(platform), error })),
      platforms.length,
    )
  return { built, missing }
}

/** The outcomes of an image without those that were stopped because another one failed, if any failed by itself. */
export function withoutStopped(
  planned: Pick<BuildPlan, 'platforms' | 'unplaced'>,
  outcomes: readonly JobOutcome[],
): readonly [Pick<BuildPlan, 'platforms' | 'unplaced'>, readonly JobOutcome[]] {
  const isStopped = (one: JobOutcome) =>
    one.status === 'skipped' || (one.status === 'failed' && one.error.code === 'CANCELED')
  const own = outcomes.filter((one) => !isStopped(one))
  if (!own.some(({ status }) => status === 'failed')) return [planned, outcomes]
  const platforms = planned.platforms.filter((platform) => own.some(({ job }) => samePlatform(job.target, platform)))
  return [{ ...planned, platforms }, own]
}

/** The build as a whole failed; every platform that did, with its own error. */
export class BuildFailedError extends XbuildError {
  readonly failures: readonly { readonly platform: string; readonly error: XbuildError }[]

  constructor(failures: BuildFailedError['failures'], total: number) {
    const [first] = failures
    const canceled = failures.some(({ error }) => error.code === 'CANCELED')
    const names = failures.map(({ platform }) => platform).join(', ')
    super(
      canceled ? 'CANCELED' : (first?.error.code ?? 'INTERNAL'),
      canceled ? 'Build canceled' : `Cannot build ${failures.length} of ${total} platforms: ${names}`,
    )
    this.failures = canceled ? [] : failures
  }
}
