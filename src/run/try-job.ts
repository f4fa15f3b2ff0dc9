import type { BuiltImage } from '../content/built-image.ts'
import type { Driver } from '../driver/driver.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import type { ImageJob } from '../plan/types.ts'
import { strategyOf } from '../plan/strategy-of.ts'
import { formatPlatform } from '../platform.ts'
import { afterFailure, classify, type Attempt, type FailureClass } from './failure.ts'
import type { ImageContexts } from './image-contexts.ts'
import { emitOf, moved, named } from './job.ts'
import type { JobOutcome } from './outcome.ts'
import type { SharedStages } from './shared-stages.ts'
import type { Listener } from './watch.ts'

/** What all jobs of a build are tried with. */
export interface TryOptions {
  readonly driverFor: (node: string) => Driver
  readonly signal: AbortSignal
  /** Hears everything that drivers emit. */
  readonly listener: Listener
  /** How long a step may say nothing; milliseconds. */
  readonly silenceTimeout?: number | undefined
  /** Told of every image as soon as it is there. */
  readonly onBuilt?: (job: ImageJob, image: BuiltImage) => Promise<void>
  /** Whether a node is the engine of this machine. */
  readonly isOwn: (node: string) => boolean
  /** Nodes that failed in this build: what waits for them goes elsewhere at once. */
  readonly lost: Set<string>
  readonly stages: SharedStages
  readonly contexts: ImageContexts
}

/** A job on its way: what was tried, and how long that took. Milliseconds. */
export interface RunningJob {
  job: ImageJob
  readonly attempts: Attempt[]
  spent: number
  started?: number
  /** Before it is tried again. */
  pause?: number | undefined
}

/** How a try ended. */
type AttemptResult =
  | { readonly image: BuiltImage }
  | { readonly image?: undefined; readonly error: XbuildError; readonly failure: FailureClass }

/** Tries a job once, on the node it is at; without an outcome it has moved, or is to be tried again. */
export async function tryJob(running: RunningJob, options: TryOptions): Promise<JobOutcome | undefined> {
  const { signal, lost } = options
  const { job } = running
  if (signal.aborted) return skipped(job, options)
  const from = Date.now()
  const { node } = job.decision.strategy
  const { emit } = options.listener
  if (running.started === undefined)
    emit({ type: 'job.start', ...eventOf(job), strategy: strategyOf(job), node, at: from })
  running.started ??= from
  const result = lost.has(node) && hasOther(job, lost) ? lostBefore(node) : await attempt(running, options)
  const at = Date.now()
  running.spent += at - from
  if (!result.image) return failed(running, result, options)
  emit({ type: 'job.done', ...eventOf(job), digest: result.image.descriptor.digest, at })
  return { status: 'done', job, image: result.image, seconds: (at - running.started) / 1000 }
}

/** Ends a job that cannot be built. */
export function jobFailed(job: ImageJob, error: XbuildError, { listener }: Pick<TryOptions, 'listener'>): JobOutcome {
  listener.emit({ type: 'job.fail', ...eventOf(job), error, at: Date.now() })
  return { status: 'failed', job, error }
}

function skipped(job: ImageJob, { listener }: TryOptions): JobOutcome {
  const because = 'canceled'
  listener.emit({ type: 'job.skip', ...eventOf(job), because, at: Date.now() })
  return { status: 'skipped', job, because }
}

/** What events say of every job. */
function eventOf(job: ImageJob) {
  return { job: job.id, ...named(job), platform: formatPlatform(job.target) }
}

function hasOther({ alternatives = [] }: ImageJob, lost: ReadonlySet<string>): boolean {
  return alternatives.some(({ strategy }) => !lost.has(strategy.node))
}

function lostBefore(node: string): AttemptResult {
  return { error: new XbuildError('NODE', `${node} was lost before`), failure: 'node' }
}

async function attempt({ job, spent }: RunningJob, options: TryOptions): Promise<AttemptResult> {
  const { driverFor, signal, listener, silenceTimeout, stages, contexts } = options
  const watched = listener.watch(
    { image: job.image, platform: formatPlatform(job.target) },
    { timeout: job.timeout, spent, silence: silenceTimeout },
    signal,
  )
  try {
    const given = [...(await stages.builtFor(job)), ...(await contexts.builtFor(job))]
    const image = await driverFor(job.decision.strategy.node).build(job, {
      signal: watched.signal,
      emit: emitOf(job, listener.emit),
      ...(given.length > 0 ? { stages: given } : {}),
    })
    await options.onBuilt?.(job, image)
    return { image }
  } catch (thrown) {
    const stopped = signal.aborted ? undefined : watched.stopped()
    const error = stopped?.error ?? toXbuildError(thrown)
    return { error, failure: classify(error, { emulates: job.emulates === true, silent: stopped?.silent === true }) }
  } finally {
    watched.end()
  }
}

/** Moves a job whose try failed, or lets it be tried again; else that was its outcome. */
function failed(
  running: RunningJob,
  { error, failure }: Extract<AttemptResult, { readonly error: XbuildError }>,
  options: TryOptions,
): JobOutcome | undefined {
  const { lost, signal, isOwn, listener } = options
  const { job } = running
  const { node } = job.decision.strategy
  running.attempts.push({ node, failure })
  if (error.code === 'NODE') lost.add(node)
  if (signal.aborted) return jobFailed(job, error, options)
  const { attempts } = running
  const next = afterFailure({ attempts, alternatives: job.alternatives ?? [], lost, retried: isOwn(node) })
  if (next.kind === 'give up') return jobFailed(job, error, options)
  if (next.kind === 'move') running.job = moved(job, next.to, error)
  running.pause = next.kind === 'again' ? next.after : undefined
  listener.emit({
    type: 'job.move',
    ...eventOf(job),
    from: node,
    to: running.job.decision.strategy.node,
    strategy: strategyOf(running.job),
    because: error.message,
    at: Date.now(),
  })
  return undefined
}
