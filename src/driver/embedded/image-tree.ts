import { buffer } from 'node:stream/consumers'
import { parseManifest } from '../../oci/read-manifest.ts'
import type { BuiltImage } from '../../content/built-image.ts'
import { exportTree } from '../../engine/export-tree.ts'
import type { EngineServices } from '../../engine/services.ts'
import { chainOf } from '../../content/layer-chain.ts'

/**
 * An image that another engine built and that lies in the store, with its files: its layers are laid over each other
 * here.
 */
export function withTree(
  image: BuiltImage,
  { store, workers, layers }: EngineServices,
  { sourceDateEpoch }: { readonly sourceDateEpoch?: number | undefined },
): BuiltImage {
  return {
    ...image,
    async exportTree({ signal }) {
      const manifest = parseManifest(await buffer(await image.blobs.read(image.descriptor)), image.descriptor)
      const chain = chainOf(
        manifest.layers.map((descriptor, index) => ({
          descriptor,
          diffId: image.config.rootfs.diff_ids[index]!,
          fetch: async () => undefined,
        })),
      )
      const stamp = sourceDateEpoch === undefined ? {} : { sourceDateEpoch }
      return exportTree(
        { key: image.descriptor.digest.replace(/^.*:/, ''), layers: chain },
        { store, workers, layers, ...stamp, signal },
      )
    },
  }
}
