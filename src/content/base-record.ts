import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import type { ResolvedImage } from './resolved-image.ts'
import { chainOf } from './layer-chain.ts'

/** Cache key of an image that steps are made on: equal for equal file systems. */
export function imageKey({ layers }: Pick<ResolvedImage, 'layers'>): string {
  return keyOf(['image', layers.map((layer) => layer.diffId)])
}

/**
 * Notes which blobs and snapshots belong to a base image, so that they stay together as long as it is used; reading
 * the note is the use.
 */
export async function rememberBase(store: Store, image: ResolvedImage, configDigest: string): Promise<void> {
  const key = imageKey(image)
  const known = await store.records.get<{ name: string; manifest: { digest: string } }>('bases', key)
  if (known?.name === image.name && known.manifest?.digest === image.manifest.digest) return
  const { mediaType, digest, size } = image.manifest
  await store.records.put('bases', key, {
    name: image.name,
    manifest: { mediaType, digest, size },
    config: configDigest,
    layers: image.layers.map((layer) => layer.descriptor.digest),
    snapshots: chainOf(image.layers).map(({ id }) => id),
  })
}
