import PQueue from 'p-queue'
import type { Driver, Emit } from '../driver/driver.ts'
import { toXbuildError } from '../errors.ts'
import type { BuildPlan, ImageJob, Node } from '../plan/types.ts'
import { formatPlatform } from '../platform.ts'
import type { JobOutcome } from './outcome.ts'
import type { Listener } from './watch.ts'

export interface DispatchOptions {
  readonly nodes: readonly Node[]
  readonly driverFor: (node: string) => Driver
  readonly signal: AbortSignal
  /** Hears everything that drivers emit. */
  readonly listener: Listener
  /** How long a step may say nothing; milliseconds. */
  readonly silenceTimeout?: number | undefined
}

/**
 * Hands every image job to the driver of its node, as many at a time as the node has slots. Stage jobs are not handed out: the driver
 * of the image job that needs them does them on the way, once.
 */
export async function dispatch(plan: BuildPlan, { nodes, driverFor, signal, listener, silenceTimeout }: DispatchOptions): Promise<readonly JobOutcome[]> {
  const queues = new Map(nodes.map((node) => [node.name, new PQueue({ concurrency: node.slots })]))
  const jobs = plan.jobs.filter((job): job is ImageJob => job.kind === 'image')
  const emit: Emit = listener.emit
  return Promise.all(jobs.map((job) => {
    // No `signal` here: p-queue would settle a running job before its driver has stopped it.
    return queues.get(job.decision.strategy.node)!.add(() => (signal.aborted ? skip(job, 'canceled') : attempt(job)))
  }))

  function skip(job: ImageJob, because: string): JobOutcome {
    emit({ type: 'job.skip', job: job.id, platform: formatPlatform(job.target), because, at: Date.now() })
    return { status: 'skipped', job, because }
  }

  async function attempt(job: ImageJob): Promise<JobOutcome> {
    const platform = formatPlatform(job.target)
    const started = Date.now()
    emit({ type: 'job.start', job: job.id, platform, strategy: job.decision.strategy.kind, at: started })
    const watched = listener.watch(platform, { timeout: job.timeout, silence: silenceTimeout }, signal)
    try {
      const image = await driverFor(job.decision.strategy.node).build(job, { signal: watched.signal, emit })
      const at = Date.now()
      emit({ type: 'job.done', job: job.id, platform, digest: image.descriptor.digest, at })
      return { status: 'done', job, image, seconds: (at - started) / 1000 }
    } catch (thrown) {
      const error = (signal.aborted ? undefined : watched.stopped()?.error) ?? toXbuildError(thrown)
      emit({ type: 'job.fail', job: job.id, platform, error, at: Date.now() })
      return { status: 'failed', job, error }
    } finally {
      watched.end()
    }
  }
}
