import type { BuildPlan } from '../plan/types.ts'
import { settle, withoutStopped, type JobOutcome, type Settled } from '../run/outcome.ts'
import type { Session } from './open.ts'
import { plannedOf } from './plan.ts'
import type { Stop } from './stop.ts'
import type { SessionRequest } from './types.ts'

/**
 * What the jobs of one image come to, and which native toolchains they used. Throws BuildFailedError when a platform
 * that is not optional has failed, and CANCELED.
 */
export function settleImage(
  { services: { packs } }: Session,
  { image }: SessionRequest,
  { plan, outcomes, stop }: { readonly plan: BuildPlan; readonly outcomes: readonly JobOutcome[]; readonly stop: Stop },
): Settled {
  const own = outcomes.filter(({ job }) => job.image === image)
  const planned = plannedOf(plan, image)
  const settled = settle(...(stop.byFailure() ? withoutStopped(planned, own) : ([planned, own] as const)), stop.caller)
  for (const { image: built } of settled.built)
    packs.add(built.packs ?? [], built.earlier !== undefined, image === undefined ? [] : [image])
  return settled
}
