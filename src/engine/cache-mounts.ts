import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { CacheMount } from '../dockerfile/run-mounts.ts'
import { keyOf } from '../store/key.ts'
import { takePruneLease, tryPruneLease, type Lease } from '../store/lease.ts'
import type { Store } from '../store/store.ts'

/**
 * The folders of `RUN --mount=type=cache`: they lie with the snapshots and have a record each, so that `du` and
 * `prune` know them.
 */
export interface CacheMounts {
  /**
   * Claims the folder for one step, waiting for others where the mount says so. `seedKey` names what a new folder
   * starts with. The folder is made by `make` when it is not there.
   */
  claim(mount: CacheMount, options: ClaimOptions): Promise<{ readonly id: string; release(): void }>
}

interface ClaimOptions {
  readonly seedKey: string | undefined
  /** The step may be run by programs that stand in for those of its image: what it keeps is for such steps alone. */
  readonly speculates: boolean
  readonly make: (id: string) => Promise<unknown>
  readonly signal: AbortSignal
}

/** Private folders of one id, used at a time. */
const MOST_PRIVATE = 1000

/** `uid` says whose ids the folders' files have: root's and a user's must not mix. */
export function createCacheMounts(store: Store, uid: number): CacheMounts {
  /** A lease that one process at a time has, whatever ends that process. */
  const leasesOf = (id: string) => ({ ...store.folder, leases: join(store.folder.leases, id) })
  const wait = (id: string, signal: AbortSignal) => takePruneLease(leasesOf(id), { signal, onWait: () => undefined })

  async function claimId(
    { sharing }: CacheMount,
    base: string,
    signal: AbortSignal,
  ): Promise<{ id: string; lease?: Lease }> {
    if (sharing === 'shared') return { id: base }
    if (sharing === 'locked') return { id: base, lease: await wait(`${base}-use`, signal) }
    for (let number = 0; number < MOST_PRIVATE; number++) {
      const id = number === 0 ? base : `${base}-${number}`
      const lease = tryPruneLease(leasesOf(`${id}-use`))
      if (lease) return { id, lease }
    }
    return { id: base, lease: await wait(`${base}-use`, signal) }
  }

  return {
    async claim(mount, { seedKey, speculates, make, signal }) {
      const { mode, uid: owner, gid } = mount.owner
      const own = ['cache', uid, mount.id, seedKey ?? [mode, owner, gid], mount.source]
      const key = keyOf(speculates ? [...own, 'speculates'] : own).slice(0, 32)
      const { id, lease } = await claimId(mount, `cache-${key}`, signal)
      try {
        if (!existsSync(join(store.folder.snapshots, id))) {
          const making = await wait(`${id}-make`, signal)
          try {
            await make(id)
          } finally {
            making.release()
          }
        }
        // Reading it marks the use
        const recordKey = keyOf(['cache', id])
        if (!(await store.records.get('caches', recordKey)))
          await store.records.put('caches', recordKey, { of: id, name: mount.id, created: new Date().toISOString() })
        return {
          id,
          release() {
            // It has grown since somebody measured it
            const measured = keyOf(['size', id])
            rmSync(join(store.folder.records, 'sizes', measured.slice(0, 2), `${measured}.json`), { force: true })
            lease?.release()
          },
        }
      } catch (error) {
        lease?.release()
        throw error
      }
    },
  }
}
