import PQueue from 'p-queue'
import { setTimeout as pause } from 'node:timers/promises'
import type { BuildPlan, ImageJob, Node } from '../plan/types.ts'
import { createImageContexts } from './image-contexts.ts'
import type { JobOutcome } from './outcome.ts'
import { createSharedStages } from './shared-stages.ts'
import { jobFailed, tryJob, type RunningJob, type TryOptions } from './try-job.ts'

export interface DispatchOptions
  extends Pick<TryOptions, 'driverFor' | 'signal' | 'listener' | 'silenceTimeout' | 'onBuilt'> {
  readonly nodes: readonly Node[]
  /** Images that other machines build at a time, all of them together; absent: as their slots say. */
  readonly jobs?: number | undefined
}

/**
 * Hands every image job to the driver of its node, as many at a time as the node has slots. A job whose node fails
 * moves to the next best one, with an event that says why. A stage job is handed out only when other nodes are to have
 * its result; all others are done on the way by the driver of the image job that needs them, once.
 */
export async function dispatch(plan: BuildPlan, options: DispatchOptions): Promise<readonly JobOutcome[]> {
  const { nodes, driverFor, signal, listener, jobs = Infinity } = options
  const ownEngines = new Set(nodes.filter(({ driver }) => driver === 'embedded').map(({ name }) => name))
  const isOwn = (node: string) => ownEngines.has(node)
  const lost = new Set<string>()
  const stages = createSharedStages(plan, { driverFor, lost, emit: listener.emit, signal })
  const started = new Map<string, Promise<JobOutcome>>()
  const contexts = createImageContexts(plan, { outcomes: started, isOwn })
  const queue = createQueues(nodes, { jobs, isOwn })
  for (const job of plan.jobs)
    if (job.kind === 'image') started.set(job.id, runJob(job, { ...options, isOwn, lost, stages, contexts, queue }))
  const outcomes = await Promise.all(started.values())
  // A stage may still be built for images that have failed meanwhile
  await stages.settle()
  return outcomes
}

/** Does something when a node has a slot for it. */
type Queues = <T>(node: string, work: () => Promise<T>) => Promise<T>

function createQueues(
  nodes: readonly Node[],
  { jobs, isOwn }: { readonly jobs: number; readonly isOwn: (node: string) => boolean },
): Queues {
  const queues = new Map(nodes.map((node) => [node.name, new PQueue({ concurrency: node.slots })]))
  const otherEngines = new PQueue({ concurrency: jobs })
  // No `signal` here: p-queue would settle a running job before its driver has stopped it.
  return (node, work) =>
    // The own engine counts its steps itself: an image may wait elsewhere for one of them
    queues.get(node)!.add(() => (isOwn(node) ? work() : otherEngines.add(work)))
}

/** Tries a job until it has an outcome. */
async function runJob(planned: ImageJob, options: TryOptions & { readonly queue: Queues }): Promise<JobOutcome> {
  const { contexts, queue, signal } = options
  const running: RunningJob = { job: planned, attempts: [], spent: 0 }
  for (;;) {
    const { job } = running
    // Not in a queue either: an image must not hold the slot that the one it is made from waits for
    const broken = await contexts.broken(job)
    if (broken) return jobFailed(job, broken, options)
    const outcome = await queue(job.decision.strategy.node, () => tryJob(running, options))
    if (outcome) return outcome
    if (running.pause) await pause(running.pause, undefined, { signal }).catch(() => undefined)
  }
}
