import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { compact } from '../compact.ts'
import { markedName } from '../store/leftovers.ts'
import type { Store } from '../store/store.ts'
import type { Layers } from './layers.ts'
import type { Solved } from './solved.ts'
import type { Workers } from './workers.ts'

/** What a merged file system is read with. */
export interface ExportEdges {
  readonly store: Store
  readonly workers: Workers
  readonly layers: Layers
  /** Unix seconds: the latest time that an entry has. */
  readonly sourceDateEpoch?: number
  readonly signal: AbortSignal
}

/** The merged file system of a chain of layers, as a tar stream. */
export async function exportTree(
  solved: Pick<Solved, 'key' | 'layers'>,
  { store, workers, layers, signal, sourceDateEpoch }: ExportEdges,
): Promise<NodeJS.ReadableStream> {
  const lowers = await layers.unpacked(solved.layers, signal)
  const worker = await workers.native()
  const file = join(store.folder.tmp, markedName('tree'))
  await worker.call('exportTree', { lowers, file, ...compact({ sourceDateEpoch }) }, { signal })
  const stream = createReadStream(file, { highWaterMark: 1 << 18 })
  // An open file can be read to its end after its name is gone; nothing is left behind whatever happens next.
  stream.once('open', () => void rm(file, { force: true }))
  return stream
}
