import type { BuiltStage } from '../content/built-image.ts'
import type { Driver } from '../driver/driver.ts'
import { toXbuildError } from '../errors.ts'
import type { Emit } from '../events.ts'
import type { BuildPlan, Job, StageJob } from '../plan/types.ts'
import { classify } from './failure.ts'
import { emitOf } from './job.ts'

/** The stages that one node builds for others, each once. */
export interface SharedStages {
  /**
   * What other nodes build for a job; a stage that cannot be had is built by the job's own node. Rejects when the
   * stage itself is broken.
   */
  builtFor(job: Job): Promise<readonly BuiltStage[]>
  /** Stops those that are still built: no image waits for them any more. */
  settle(): Promise<void>
}

/** What shared stages are built with; `lost` are the nodes that failed in this build. */
export interface SharedStagesEdges {
  readonly driverFor: (node: string) => Driver
  readonly lost: Set<string>
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** No stage is built yet. */
export function createSharedStages(
  plan: BuildPlan,
  { driverFor, lost, emit, signal }: SharedStagesEdges,
): SharedStages {
  const stages = new Map<string, Promise<BuiltStage | undefined>>()
  const nobodyWaits = new AbortController()
  return {
    builtFor,
    async settle() {
      nobodyWaits.abort()
      await Promise.allSettled(stages.values())
    },
  }

  async function builtFor(job: Job): Promise<readonly BuiltStage[]> {
    const built = await Promise.all(
      takenBy(job, plan).map((stage) => {
        // Not in a queue: jobs that wait for each other's stages would hold each other's slots
        const known = stages.get(stage.id) ?? buildStage(stage)
        stages.set(stage.id, known)
        return known
      }),
    )
    return built.flatMap((stage) => stage ?? [])
  }

  async function buildStage(stage: StageJob): Promise<BuiltStage | undefined> {
    const { node } = stage.decision.strategy
    try {
      if (lost.has(node)) return undefined
      const given = await builtFor(stage)
      return {
        name: stage.stage,
        image: await driverFor(node).build(stage, {
          signal: AbortSignal.any([signal, nobodyWaits.signal]),
          emit: emitOf(stage, emit),
          ...(given.length > 0 ? { stages: given } : {}),
        }),
      }
    } catch (thrown) {
      const error = toXbuildError(thrown)
      if (error.code === 'NODE') lost.add(node)
      if (['user', 'canceled'].includes(classify(error, { emulates: false, silent: false }))) throw error
      emit({
        type: 'warning',
        message: `Stage "${stage.stage}" cannot be copied from ${node}, so each node builds it: ${error.message}`,
        at: Date.now(),
      })
      return undefined
    }
  }
}

/** The shared stages that a job, or what it needs, takes from other nodes. */
function takenBy(job: Job, { jobs }: BuildPlan): StageJob[] {
  const { node } = job.decision.strategy
  const taken = new Map<string, StageJob>()
  const pending = [...job.needs]
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const need = jobs.find((one) => one.id === id)
    if (need?.kind !== 'stage') continue
    if (need.shared && need.decision.strategy.node !== node) taken.set(id, need)
    else pending.push(...need.needs)
  }
  return [...taken.values()]
}
