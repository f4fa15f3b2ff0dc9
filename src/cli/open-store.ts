import { resolve } from 'node:path'
import { createSnapshotAccess } from '../engine/snapshot-access.ts'
import { createWorkers } from '../engine/workers.ts'
import { findLaunch } from '../emulation/launch.ts'
import { defaultStoreRoot, lostWarning, openStoreFolder, type StoreFolder, wasOpenWarning } from '../store/folder.ts'
import type { SnapshotAccess } from '../store/gc.ts'

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
