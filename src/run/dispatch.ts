import PQueue from 'p-queue'
import { setTimeout as pause } from 'node:timers/promises'
import type { BuiltImage, BuiltStage } from '../content/built-image.ts'
import type { Driver } from '../driver/driver.ts'
import type { Emit } from '../events.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import { madeFromBroken } from '../plan/images.ts'
import { strategyOf } from '../plan/strategy-of.ts'
import type { BuildPlan, ImageJob, Node } from '../plan/types.ts'
import { formatPlatform } from '../platform.ts'
import { afterFailure, classify, type Attempt, type FailureClass } from './failure.ts'
import { emitOf, moved, named } from './job.ts'
import type { JobOutcome } from './outcome.ts'
import { createSharedStages } from './shared-stages.ts'
import type { Listener } from './watch.ts'

export interface DispatchOptions {
  readonly nodes: readonly Node[]
  readonly driverFor: (node: string) => Driver
  readonly signal: AbortSignal
  /** Hears everything that drivers emit. */
  readonly listener: Listener
  /** Images that other machines build at a time, all of them together; absent: as their slots say. */
  readonly jobs?: number | undefined
  /** How long a step may say nothing; milliseconds. */
  readonly silenceTimeout?: number | undefined
  /** Told of every image as soon as it is there. */
  readonly onBuilt?: (job: ImageJob, image: BuiltImage) => Promise<void>
}

/** How a try ended. */
type AttemptResult =
  | { readonly image: BuiltImage }
  | { readonly image?: undefined; readonly error: XbuildError; readonly failure: FailureClass }

/** A job on its way: what was tried, and how long that took. Milliseconds. */
interface RunningJob {
  job: ImageJob
  readonly attempts: Attempt[]
  spent: number
  started?: number
  pause?: number | undefined
}

const GIVE_UP = { kind: 'give up' } as const
const LOST_BEFORE = (node: string): AttemptResult => ({
  error: new XbuildError('NODE', `${node} was lost before`),
  failure: 'node',
})

/**
 * Hands every image job to the driver of its node, as many at a time as the node has slots. A job whose node fails
 * moves to the next best one, with an event that says why. A stage job is handed out only when other nodes are to have
 * its result; all others are done on the way by the driver of the image job that needs them, once.
 */
export async function dispatch(
  plan: BuildPlan,
  { nodes, driverFor, signal, listener, silenceTimeout, onBuilt, jobs = Infinity }: DispatchOptions,
): Promise<readonly JobOutcome[]> {
  const queues = new Map(nodes.map((node) => [node.name, new PQueue({ concurrency: node.slots })]))
  // The own engine counts its steps itself: an image may wait elsewhere for one of them
  const otherEngines = new PQueue({ concurrency: jobs })
  const ownEngine = new Set(nodes.filter(({ driver }) => driver === 'embedded').map(({ name }) => name))
  /** Nodes that failed in this build: what waits for them goes elsewhere at once. */
  const lost = new Set<string>()
  const emit: Emit = listener.emit
  const stages = createSharedStages(plan, { driverFor, lost, emit, signal })
  /** By job id; jobs come in topological order, so that of a job's context is there when it is looked for. */
  const images = new Map<string, Promise<JobOutcome>>()
  for (const job of plan.jobs) if (job.kind === 'image') images.set(job.id, run(job))
  const outcomes = await Promise.all(images.values())
  // A stage may still be built for images that have failed meanwhile
  await stages.settle()
  return outcomes

  async function run(planned: ImageJob): Promise<JobOutcome> {
    const running: RunningJob = { job: planned, attempts: [], spent: 0 }
    for (;;) {
      const { job } = running
      // Not in a queue either: an image must not hold the slot that the one it is made from waits for
      const broken = await brokenContext(job)
      if (broken) return broken
      // No `signal` here: p-queue would settle a running job before its driver has stopped it.
      const { node } = job.decision.strategy
      const outcome = await queues
        .get(node)!
        .add(() => (ownEngine.has(node) ? step(running) : otherEngines.add(() => step(running))))
      if (outcome) return outcome
      if (running.pause) await pause(running.pause, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Tries a job once, on the node it is at; without an outcome it has moved, or is to be tried again. */
  async function step(running: RunningJob): Promise<JobOutcome | undefined> {
    const { job } = running
    const { id } = job
    const { node } = job.decision.strategy
    const platform = formatPlatform(job.target)
    const from = Date.now()
    if (signal.aborted) {
      emit({ type: 'job.skip', job: id, ...named(job), platform, because: 'canceled', at: from })
      return { status: 'skipped', job, because: 'canceled' }
    }
    if (running.started === undefined)
      emit({ type: 'job.start', job: id, ...named(job), platform, strategy: strategyOf(job), node, at: from })
    running.started ??= from
    const result = lost.has(node) && hasOther(job) ? LOST_BEFORE(node) : await attempt(job, running.spent)
    const at = Date.now()
    running.spent += at - from
    if (result.image) {
      emit({ type: 'job.done', job: id, ...named(job), platform, digest: result.image.descriptor.digest, at })
      return { status: 'done', job, image: result.image, seconds: (at - running.started) / 1000 }
    }
    const { error, failure } = result
    running.attempts.push({ node, failure })
    if (error.code === 'NODE') lost.add(node)
    const next = signal.aborted
      ? GIVE_UP
      : afterFailure({
          attempts: running.attempts,
          alternatives: job.alternatives ?? [],
          lost,
          retried: ownEngine.has(node),
        })
    if (next.kind === 'give up') {
      emit({ type: 'job.fail', job: id, ...named(job), platform, error, at })
      return { status: 'failed', job, error }
    }
    if (next.kind === 'move') running.job = moved(job, next.to, error)
    emit({
      type: 'job.move',
      job: id,
      ...named(job),
      platform,
      from: node,
      to: running.job.decision.strategy.node,
      strategy: strategyOf(running.job),
      because: error.message,
      at,
    })
    running.pause = next.kind === 'again' ? next.after : undefined
    return undefined
  }

  /**
   * Images of the session that are handed to a job, with their names as contexts. Of two images on the own engine one
   * shares the steps of the other instead.
   */
  function handedTo({ contexts = {}, decision }: ImageJob): (readonly [name: string, id: string])[] {
    const here = (node: string) => ownEngine.has(node)
    const isShared = (id: string) =>
      here(decision.strategy.node) && plan.jobs.some((one) => one.id === id && here(one.decision.strategy.node))
    return Object.entries(contexts).filter(([, id]) => !isShared(id))
  }

  /** Why a job cannot be built: another image, that it is made from, failed. */
  async function brokenContext(job: ImageJob): Promise<JobOutcome | undefined> {
    for (const [, id] of handedTo(job)) {
      const outcome = await images.get(id)
      if (!outcome || outcome.status === 'done') continue
      const cause =
        outcome.status === 'failed' ? outcome.error : new XbuildError('CANCELED', `Skipped: ${outcome.because}`)
      const error = madeFromBroken(outcome.job.image, cause)
      emit({
        type: 'job.fail',
        job: job.id,
        ...named(job),
        platform: formatPlatform(job.target),
        error,
        at: Date.now(),
      })
      return { status: 'failed', job, error }
    }
    return undefined
  }

  /** The images of the session that a job on another engine is made from, under the names of its contexts. */
  async function contextsFor(job: ImageJob): Promise<BuiltStage[]> {
    const built = await Promise.all(handedTo(job).map(async ([name, id]) => ({ name, outcome: await images.get(id) })))
    return built.flatMap(({ name, outcome }) => (outcome?.status === 'done' ? [{ name, image: outcome.image }] : []))
  }

  async function attempt(job: ImageJob, spent: number): Promise<AttemptResult> {
    const watched = listener.watch(
      { image: job.image, platform: formatPlatform(job.target) },
      { timeout: job.timeout, spent, silence: silenceTimeout },
      signal,
    )
    try {
      const given = [...(await stages.builtFor(job)), ...(await contextsFor(job))]
      const image = await driverFor(job.decision.strategy.node).build(job, {
        signal: watched.signal,
        emit: emitOf(job, emit),
        ...(given.length > 0 ? { stages: given } : {}),
      })
      await onBuilt?.(job, image)
      return { image }
    } catch (thrown) {
      const stopped = signal.aborted ? undefined : watched.stopped()
      const error = stopped?.error ?? toXbuildError(thrown)
      return { error, failure: classify(error, { emulates: job.emulates === true, silent: stopped?.silent === true }) }
    } finally {
      watched.end()
    }
  }

  function hasOther({ alternatives = [] }: ImageJob): boolean {
    return alternatives.some(({ strategy }) => !lost.has(strategy.node))
  }
}
