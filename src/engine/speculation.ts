import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import type { Speculation } from './run-accelerated.ts'

/** What the store knows of attempts to run the step with this key by programs of its image's sibling. */
export function speculationOf(store: Pick<Store, 'records'>, stepKey: string): Speculation {
  const key = keyOf(['speculation', 1, stepKey])
  return {
    async known() {
      const record = await store.records.get<{ reason?: unknown }>('speculations', key)
      return typeof record?.reason === 'string' ? record.reason : undefined
    },
    remember: (reason) => store.records.put('speculations', key, { reason }),
  }
}
