import type { BuiltImage } from '../content/built-image.ts'
import { readManifest } from '../content/read-blob.ts'

/** Bytes of an image's configuration and its packed layers, by its manifest; nothing when that cannot be read. */
export async function sizeOfImage(image: BuiltImage): Promise<number | undefined> {
  try {
    const { config, layers } = await readManifest(image)
    return layers.reduce((sum, { size }) => sum + size, config.size)
  } catch {
    return undefined // the image is published; its size is an extra
  }
}
