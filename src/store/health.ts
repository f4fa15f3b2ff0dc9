import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isSealed } from './blobs.ts'
import { describeHolders, holders, tryPruneLease } from './lease.ts'
import type { Store } from './store.ts'

/** What a look at the store's folders, without reading any content, tells. */
export interface Health {
  /** Blobs with a whole name. */
  readonly blobs: number
  /** Digests of those that were touched since their bytes were hashed. */
  readonly doubtful: readonly string[]
  /** Folders of another user, which this one cannot change. */
  readonly foreign: readonly string[]
}

/** Looks at a store. */
export async function storeHealth({ folder }: Store, uid: number): Promise<Health> {
  const names = (await readdir(folder.blobs)).filter((name) => /^[0-9a-f]{64}$/.test(name))
  const found = await Promise.all(names.map((name) => stat(join(folder.blobs, name)).catch(() => undefined)))
  const doubtful = names.filter((_, index) => found[index] && !(found[index].isFile() && isSealed(found[index])))
  const folders = [folder.root, folder.blobs, folder.records, folder.snapshots, folder.tmp]
  const owners = await Promise.all(folders.map(async (path) => (await stat(path)).uid))
  return {
    blobs: names.length,
    doubtful: doubtful.map((name) => `sha256:${name}`),
    foreign: uid === 0 ? [] : folders.filter((_, index) => owners[index] !== uid),
  }
}

/**
 * Hashes the blobs that may have changed and removes those that did; says how many went. Does nothing, and says for
 * whom, while others use the store.
 */
export async function repairStore(
  store: Store,
  doubtful: readonly string[],
): Promise<{ readonly removed: number } | { readonly waitsFor: string }> {
  const lease = tryPruneLease(store.folder)
  if (!lease) return { waitsFor: describeHolders(holders(store.folder)) }
  try {
    let removed = 0
    for (const digest of doubtful) if (!(await store.blobs.has(digest))) removed++
    return { removed }
  } finally {
    lease.release()
  }
}
