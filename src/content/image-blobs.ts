import { createReadStream } from 'node:fs'
import { XbuildError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Store } from '../store/store.ts'
import type { BlobSource } from './built-image.ts'
import { originsOf } from './origin-record.ts'
import type { Layer } from './layer-chain.ts'

/** Blobs of the store; those of base images are fetched when somebody asks for their bytes. */
export function blobsOf(
  { layers }: { readonly layers: readonly Layer[] },
  { store, signal }: { store: Store; signal: AbortSignal },
): BlobSource {
  const bases = new Map(
    layers.flatMap(({ image }) => (image ? [[image.descriptor.digest as string, image] as const] : [])),
  )
  async function ensure(descriptor: Descriptor): Promise<string> {
    await bases.get(descriptor.digest)?.fetch(signal)
    if (!(await store.blobs.has(descriptor.digest, descriptor.size))) {
      throw new XbuildError('STORE', `Cannot read ${descriptor.digest}: it is missing in the store, or damaged`, {
        hint: 'Build again: xbuild makes the missing content again',
      })
    }
    return store.blobs.path(descriptor.digest)
  }
  return {
    path: ensure,
    read: async (descriptor) => createReadStream(await ensure(descriptor), { highWaterMark: 1 << 18 }),
    async origins(descriptor) {
      const own = bases.get(descriptor.digest)?.origin
      return [...new Set([...(own ? [own] : []), ...(await originsOf(store, descriptor.digest))])]
    },
  }
}
