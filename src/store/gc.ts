import { rmSync } from 'node:fs'
import { removeTree } from '../host/remove-tree.ts'
import type { StoreFolder } from './folder.ts'
import { readStore, unmeasured, type StoredItem } from './gc-facts.ts'
import { planPrune, type PruneRequest } from './gc-plan.ts'
import { keyOf } from './key.ts'
import { createRecords } from './records.ts'

/** Who can read and remove snapshots: their files may belong to other users. */
export interface SnapshotAccess {
  /** Bytes on disk of each snapshot, by id. */
  measure(ids: readonly string[]): Promise<Readonly<Record<string, number>>>
  remove(ids: readonly string[]): Promise<void>
}

/** What was removed. */
export interface Pruned {
  readonly removed: readonly StoredItem[]
  /** Bytes that the file system got back. */
  readonly freed: number
  /** Bytes that are left. */
  readonly left: number
}

/** Everything in the store with its size; what a snapshot takes is found out once and remembered. */
export async function measureStore(
  folder: StoreFolder,
  access: Pick<SnapshotAccess, 'measure'>,
): Promise<StoredItem[]> {
  const items = readStore(folder)
  const unknown = unmeasured(items)
  if (unknown.length === 0) return items
  const sizes = await access.measure(unknown)
  const records = createRecords(folder)
  // Where nothing can be written, they are measured again
  for (const [of, bytes] of Object.entries(sizes))
    await records.put('sizes', keyOf(['size', of]), { of, bytes }).catch(() => undefined)
  return readStore(folder)
}

/**
 * Removes what the request asks for; the caller holds the prune lease. Records go first: killed half way, it leaves
 * things that nothing names, and the next prune removes those.
 */
export async function pruneStore(folder: StoreFolder, request: PruneRequest, access: SnapshotAccess): Promise<Pruned> {
  const items = new Map((await measureStore(folder, access)).map((item) => [item.id, item]))
  const { remove, freed, left } = planPrune([...items.values()], request)
  const removed = remove.map(({ id }) => items.get(id)!)
  for (const { type, path } of removed)
    if (type !== 'blob' && type !== 'snapshot')
      if (type === 'pack' || type === 'run' || type === 'temporary') removeTree(path)
      else rmSync(path, { force: true })
  const snapshots = removed.filter(({ type }) => type === 'snapshot').map(({ id }) => id.slice('snapshots/'.length))
  if (snapshots.length > 0) await access.remove(snapshots)
  for (const { type, path } of removed) if (type === 'blob') rmSync(path, { force: true })
  return { removed, freed, left }
}
