import type { StoreFolder } from './folder.ts'
import { pruneStore, type SnapshotAccess } from './gc.ts'
import { tryPruneLease } from './lease.ts'

/**
 * Brings the store down to `limit` bytes by what was not used for longest; images with a name and native toolchains
 * stay. Does nothing while somebody else builds: whoever ends last does it. Never throws. Resolves to a warning when
 * the limit cannot be kept.
 */
export async function keepWithin(
  folder: StoreFolder,
  limit: number,
  access: SnapshotAccess,
): Promise<string | undefined> {
  try {
    const lease = tryPruneLease(folder)
    if (!lease) return undefined
    try {
      const { left } = await pruneStore(
        folder,
        { all: false, filters: [], maxUsedSpace: limit, now: Date.now() },
        access,
      )
      return left > limit
        ? `The store "${folder.root}" holds ${left} bytes, more than its limit of ${limit}: the images with names and the packs need them (xbuild prune --all removes these)`
        : undefined
    } finally {
      lease.release()
    }
  } catch (error) {
    return `Cannot bring the store "${folder.root}" down to its limit: ${(error as Error).message}`
  }
}
