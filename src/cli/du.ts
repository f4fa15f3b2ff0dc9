import type { DuOptions } from '../config/store-options.ts'
import { inUse, matches, usesOf } from '../store/gc-plan.ts'
import { measureStore } from '../store/gc.ts'
import { formatStore, storeJson } from '../ui/store.ts'
import { withStore } from './open-store.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'

/** `xbuild du`: what the store holds, as a table or as JSON on stdout. */
export async function runDu(options: DuOptions, terminal: Terminal): Promise<number> {
  const now = Date.now()
  const text = await withStore(options, terminal, async (store) => {
    const items = await measureStore(store.folder, store.snapshots)
    const uses = usesOf(items)
    const kept = inUse(items)
    const shown = items
      .map((item) => ({ ...item, used: uses.get(item.id)!.used, reclaimable: !kept.has(item.id) }))
      .filter((item) => options.filters.every((filter) => matches(item, filter, now)))
    const { root } = store.folder
    return options.json ? storeJson(shown, root) : formatStore(shown, { verbose: options.verbose, root, now })
  })
  await print(terminal.stdout, text)
  return 0
}
