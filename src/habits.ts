import type { TargetBuild } from './driver/target.ts'
import { platformKey } from './platform.ts'
import type { Settled } from './run/outcome.ts'
import { keyOf } from './store/key.ts'
import type { Store } from './store/store.ts'

/** Which node built what the last time: it has the cache. */
export interface Habits {
  last(target: TargetBuild): Promise<string | undefined>
  remember(settled: Settled, targets: readonly TargetBuild[]): Promise<void>
}

/** Reads and writes one small record per Dockerfile and platform; `several`: there is more than one node to choose from. */
export function openHabits({ records }: Store, { several }: { readonly several: boolean }): Habits {
  const keyFor = ({ platform, options, file }: TargetBuild) => keyOf([options.cwd, options.context, file.shown, options.target ?? '', platformKey(platform)])
  return {
    async last(target) {
      return several ? (await records.get<{ node?: string }>('habits', keyFor(target)))?.node : undefined
    },
    async remember({ built }, targets) {
      if (!several) return
      for (const { job } of built) {
        const target = targets.find(({ platform }) => platformKey(platform) === platformKey(job.target))
        if (target) await records.put('habits', keyFor(target), { node: job.decision.strategy.node })
      }
    },
  }
}
