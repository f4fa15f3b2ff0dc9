import { identityOfTarget } from '../driver/target-identity.ts'
import type { TargetBuild } from '../driver/target.ts'
import type { Prepared } from './plan.ts'
import { sameTarget, targetOfJob } from '../plan/target-id.ts'
import type { Settled } from '../run/outcome.ts'
import type { Store } from '../store/store.ts'

/** Which node built what the last time: it has the cache. */
export interface LastNodes {
  last(target: TargetBuild): Promise<string | undefined>
  remember(settled: Settled, prepared: Prepared): Promise<void>
}

/** One small record per Dockerfile and platform; where there is one node only, none is read or written. */
export function openLastNodes({ records }: Store): LastNodes {
  return {
    async last(target) {
      return (await records.get<{ node?: string }>('last-nodes', identityOfTarget(target)))?.node
    },
    async remember({ built }, { targets, all }) {
      if (all.length < 2) return
      for (const { job } of built) {
        const wanted = targetOfJob(job)
        const target = targets.find((one) => sameTarget(one, wanted))
        if (target) await records.put('last-nodes', identityOfTarget(target), { node: job.decision.strategy.node })
      }
    },
  }
}
