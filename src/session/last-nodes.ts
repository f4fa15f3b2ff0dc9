import type { TargetBuild } from '../driver/target.ts'
import type { Prepared } from './plan.ts'
import { platformKey } from '../platform.ts'
import { sameTarget, targetOfJob } from '../plan/target-id.ts'
import type { Settled } from '../run/outcome.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'

/** Which node built what the last time: it has the cache. */
export interface LastNodes {
  last(target: TargetBuild): Promise<string | undefined>
  remember(settled: Settled, prepared: Prepared): Promise<void>
}

/** One small record per Dockerfile and platform; where there is one node only, none is read or written. */
export function openLastNodes({ records }: Store): LastNodes {
  const keyFor = ({ image, platform, options, file }: TargetBuild) =>
    keyOf([
      options.cwd,
      options.context,
      file.shown,
      options.target ?? '',
      platformKey(platform),
      ...(image === undefined ? [] : [image]),
    ])
  return {
    async last(target) {
      return (await records.get<{ node?: string }>('last-nodes', keyFor(target)))?.node
    },
    async remember({ built }, { targets, all }) {
      if (all.length < 2) return
      for (const { job } of built) {
        const wanted = targetOfJob(job)
        const target = targets.find((one) => sameTarget(one, wanted))
        if (target) await records.put('last-nodes', keyFor(target), { node: job.decision.strategy.node })
      }
    },
  }
}
