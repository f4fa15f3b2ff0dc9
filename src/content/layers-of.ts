import type { Descriptor } from '../oci/descriptor.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../oci/read-manifest.ts'
import type { BuiltImage } from './built-image.ts'

/** The layers of an image, bottom first, as its manifest has them. Throws BAD_IMAGE. */
export async function layersOf({ blobs, descriptor }: BuiltImage): Promise<readonly Descriptor[]> {
  if (descriptor.size > MAX_MANIFEST_BYTES) return []
  const chunks: Uint8Array[] = []
  for await (const chunk of (await blobs.read(descriptor)) as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return parseManifest(Buffer.concat(chunks), descriptor).layers
}
