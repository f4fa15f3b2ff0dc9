import { compact } from '../compact.ts'
import type { CacheMount, RunMount } from '../dockerfile/run-mounts.ts'
import type { CacheMounts } from './cache-mounts.ts'
import type { MountInput } from './mount-inputs.ts'
import type { Workers } from './workers.ts'

/** Cache folders that a step holds. */
export interface ClaimedCaches {
  folderOf(mount: CacheMount): string
  release(): void
}

export interface ClaimOptions {
  readonly caches: CacheMounts
  readonly workers: Workers
  readonly inputs: readonly (MountInput | undefined)[]
  /** The caches are those of steps that speculate. */
  readonly speculates: boolean
  readonly signal: AbortSignal
}

/** Waits for caches that others have locked. */
export async function claimCaches(
  mounts: readonly RunMount[],
  { caches, workers, inputs, speculates, signal }: ClaimOptions,
): Promise<ClaimedCaches> {
  const claims = new Map<string, { id: string; release(): void }>()
  const release = () => claims.forEach((claim) => claim.release())
  try {
    for (const { mount, input } of inClaimOrder(mounts, inputs)) {
      const name = nameOf(mount)
      if (claims.has(name)) continue
      const make = async (id: string) => {
        const worker = await workers.native()
        const seed = input && (await input.tree())
        return worker.call('cacheFolder', { id, owner: mount.owner, ...compact({ seed }) }, { signal })
      }
      claims.set(name, await caches.claim(mount, { seedKey: input?.key, speculates, make, signal }))
    }
  } catch (error) {
    release()
    throw error
  }
  return { folderOf: (mount) => claims.get(nameOf(mount))!.id, release }
}

/** In one order for all steps, each folder once: two steps must not wait for each other, nor one for itself. */
function inClaimOrder(mounts: readonly RunMount[], inputs: readonly (MountInput | undefined)[]) {
  return mounts
    .flatMap((mount, at) => (mount.type === 'cache' ? [{ mount, input: inputs[at] }] : []))
    .toSorted((a, b) => (nameOf(a.mount) < nameOf(b.mount) ? -1 : 1))
}

function nameOf({ id, sharing, owner, source, from }: CacheMount): string {
  return JSON.stringify([id, sharing, from ?? owner, source])
}
