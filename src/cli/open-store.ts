import { resolve } from 'node:path'
import { createSnapshotAccess } from '../engine/snapshot-access.ts'
import { createWorkers } from '../engine/workers.ts'
import { findLaunch } from '../emulation/launch.ts'
import { defaultStoreRoot, lostWarning, openStoreFolder, type StoreFolder, wasOpenWarning } from '../store/folder.ts'
import type { SnapshotAccess } from '../store/gc.ts'
import { withSignals } from './signals.ts'
import type { Terminal } from './terminal.ts'

/** A store without a build around it, and who can read and remove its snapshots. */
export interface OpenedStore {
  readonly folder: StoreFolder
  readonly snapshots: SnapshotAccess
  close(): Promise<void>
}

/** Opens the store that a build with the same options would use. */
export async function openStoreFor(
  options: { readonly store?: string | undefined; readonly cwd: string },
  {
    env,
    signal,
    onWarning,
  }: { env: Readonly<Record<string, string | undefined>>; signal: AbortSignal; onWarning: (message: string) => void },
): Promise<OpenedStore> {
  const uid = process.geteuid?.() ?? 0
  const folder = await openStoreFolder(
    options.store === undefined ? defaultStoreRoot(env, uid) : resolve(options.cwd, options.store),
  )
  if (folder.wasOpen) onWarning(wasOpenWarning(folder))
  if (folder.lost) onWarning(lostWarning(folder))
  const workers = createWorkers({ folder, env, uid, launch: () => findLaunch(env, []), onWarning })
  return { folder, snapshots: createSnapshotAccess(workers, signal), close: () => workers.close() }
}

/** Does a command's work with the store that a build with the same options would use; Ctrl-C ends it. */
export function withStore<T>(
  options: { readonly store?: string | undefined; readonly cwd: string },
  terminal: Terminal,
  work: (store: OpenedStore, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { stderr, env } = terminal
  return withSignals(terminal, {
    onStop: () => stderr.write('Stopping\n'),
    work: async (signal) => {
      const onWarning = (message: string) => void stderr.write(`warning: ${message}\n`)
      const store = await openStoreFor(options, { env, signal, onWarning })
      try {
        return await work(store, signal)
      } finally {
        await store.close()
      }
    },
  })
}
