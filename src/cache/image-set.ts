import { Readable } from 'node:stream'
import type { BlobSource } from '../content/built-image.ts'
import type { ImageSet } from '../publish/image-set.ts'
import type { CacheImage } from './document.ts'

/** A cache as what publishing writes: documents out of memory, layers from where they are. */
export function imageSetOf(cache: CacheImage, layers: BlobSource): ImageSet {
  const documents = [cache.config, ...(cache.empty ? [cache.empty] : [])]
  const inMemory: BlobSource = {
    path: async () => undefined,
    read: async ({ digest }) =>
      Readable.from([documents.find(({ descriptor }) => descriptor.digest === digest)!.bytes], { objectMode: false }),
    origins: async () => [],
  }
  return {
    root: cache.manifest,
    manifests: [cache.manifest],
    blobs: [
      ...documents.map(({ descriptor }) => ({ descriptor, source: inMemory })),
      ...cache.layers.map((descriptor) => ({ descriptor, source: layers })),
    ],
  }
}
