import { resolve } from 'node:path'
import { suggestionHint } from '../did-you-mean.ts'
import { XbuildError } from '../errors.ts'
import { defaultStoreRoot } from '../store/folder.ts'
import { listRuns } from '../store/runs/run-folder.ts'
import { readRun } from '../store/runs/read-run.ts'
import type { Run } from '../store/runs/run-types.ts'
import { openStore, type Store } from '../store/store.ts'
import type { Terminal } from './terminal.ts'

/** The store whose history is meant. */
export function storeOfHistory(
  { store, cwd }: { readonly store?: string | undefined; readonly cwd: string },
  env: Terminal['env'],
): Promise<Store> {
  return openStore(store === undefined ? defaultStoreRoot(env, process.geteuid?.() ?? 0) : resolve(cwd, store))
}

/**
 * The run of a name, of the beginning or the end of one when it is the only one, or the latest run. Throws NOT_FOUND.
 */
export function findRun(store: Store, wanted: string | undefined): Run {
  const ids = listRuns(store.folder)
  if (wanted === undefined) {
    for (const id of ids.toReversed()) {
      const run = readRun(store.folder, id)
      if (run) return run
    }
    throw new XbuildError('NOT_FOUND', `Cannot find a run: the store "${store.folder.root}" has none`)
  }
  const found = ids.includes(wanted)
    ? [wanted]
    : wanted === ''
      ? []
      : ids.filter((id) => id.startsWith(wanted) || id.endsWith(wanted))
  if (found.length > 1)
    throw new XbuildError('NOT_FOUND', `Cannot find run "${wanted}": ${found.length} runs have such a name`, {
      hint: `Name one of them: ${found.slice(-5).join(', ')}`,
    })
  const run = found[0] === undefined ? undefined : readRun(store.folder, found[0])
  if (run) return run
  throw new XbuildError('NOT_FOUND', `Cannot find run "${wanted}": there is none`, {
    hint: suggestionHint(wanted, [...ids, ...ids.map((id) => id.slice(-4))], 'See xbuild history ls') ?? '',
  })
}
