import { text } from 'node:stream/consumers'
import type { BuiltImage } from '../content/built-image.ts'

/** Manifests are small; what is larger is not measured. */
const MAX_MANIFEST = 4_000_000

/** Bytes of an image's configuration and its packed layers, by its manifest; nothing when that cannot be read. */
export async function sizeOfImage({ descriptor, blobs }: BuiltImage): Promise<number | undefined> {
  if (descriptor.size > MAX_MANIFEST) return undefined
  try {
    const manifest = JSON.parse(await text(await blobs.read(descriptor))) as {
      readonly config?: { readonly size?: unknown }
      readonly layers?: readonly { readonly size?: unknown }[]
    }
    const sizes = [manifest.config, ...(manifest.layers ?? [])].map((each) => Number(each?.size))
    const sum = sizes.reduce((all, size) => all + size, 0)
    return Number.isSafeInteger(sum) ? sum : undefined
  } catch {
    return undefined // the image is published; its size is an extra
  }
}
