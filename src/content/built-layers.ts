import type { Store } from '../store/store.ts'
import { bringBlob } from './bring-blob.ts'
import type { BuiltImage } from './built-image.ts'
import { readManifest } from './read-blob.ts'
import type { ImageLayer } from './resolved-image.ts'

/** The layers of a built image, whichever engine built it; they come into the store when somebody needs their files. */
export async function builtLayers(
  { blobs, config, descriptor }: Pick<BuiltImage, 'blobs' | 'config' | 'descriptor'>,
  store: Store,
): Promise<ImageLayer[]> {
  const { layers } = await readManifest({ blobs, descriptor })
  return layers.map((layer, index) => ({
    descriptor: layer,
    diffId: config.rootfs.diff_ids[index]!,
    async fetch(signal) {
      await bringBlob(layer, { store, blobs, signal })
    },
  }))
}
