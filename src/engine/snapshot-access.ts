import type { SnapshotAccess } from '../store/gc.ts'
import type { Workers } from './workers.ts'

/**
 * Measures and removes snapshots in the worker, which may read and remove the files of every user of an image; it
 * starts with the first use.
 */
export function createSnapshotAccess(workers: Workers, signal: AbortSignal): SnapshotAccess {
  return {
    async measure(ids) {
      const worker = await workers.native()
      return (await worker.call('measure', { ids }, { signal })).sizes
    },
    async remove(ids) {
      const worker = await workers.native()
      await worker.call('remove', { ids }, { signal })
    },
  }
}
