import type { DuOptions } from '../config/store-options.ts'
import { inUse, matches, usesOf } from '../store/gc-plan.ts'
import { measureStore } from '../store/gc.ts'
import { formatStore, storeJson } from '../ui/store.ts'
import { openStoreFor } from './open-store.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/** `xbuild du`: what the store holds, as a table or as JSON on stdout. */
export async function runDu(options: DuOptions, terminal: Terminal): Promise<number> {
  const { stdout, stderr, env } = terminal
  const now = Date.now()
  const text = await withSignals(terminal, {
    onStop: () => stderr.write('Stopping\n'),
    work: async (signal) => {
      const store = await openStoreFor(options, {
        env,
        signal,
        onWarning: (message) => stderr.write(`warning: ${message}\n`),
      })
      try {
        const items = await measureStore(store.folder, store.snapshots)
        const uses = usesOf(items)
        const kept = inUse(items)
        const shown = items
          .map((item) => ({ ...item, used: uses.get(item.id)!.used, reclaimable: !kept.has(item.id) }))
          .filter((item) => options.filters.every((filter) => matches(item, filter, now)))
        const { root } = store.folder
        return options.json ? storeJson(shown, root) : formatStore(shown, { verbose: options.verbose, root, now })
      } finally {
        await store.close()
      }
    },
  })
  await print(stdout, text)
  return 0
}
