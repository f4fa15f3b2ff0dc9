import { XbuildError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestVerifier } from '../oci/digest.ts'
import type { Manifest } from '../oci/manifest.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../oci/read-manifest.ts'
import type { BlobSource, BuiltImage } from './built-image.ts'

/** Manifests that were read, by the very descriptor: audit, size and publication of an image each ask for it. */
const READ = new WeakMap<Descriptor, Manifest>()

/** The manifest of an image. Throws BAD_IMAGE, DIGEST_MISMATCH. */
export async function readManifest({ blobs, descriptor }: Pick<BuiltImage, 'blobs' | 'descriptor'>): Promise<Manifest> {
  const known = READ.get(descriptor)
  if (known) return known
  const manifest = parseManifest(await readBlob(blobs, descriptor), descriptor)
  READ.set(descriptor, manifest)
  return manifest
}

/** The whole of a small blob, checked. Throws BAD_IMAGE for more than `most` bytes, DIGEST_MISMATCH. */
export async function readBlob(
  source: Pick<BlobSource, 'read'>,
  descriptor: Descriptor,
  most: number = MAX_MANIFEST_BYTES,
): Promise<Buffer> {
  if (descriptor.size > most)
    throw new XbuildError('BAD_IMAGE', `Cannot use "${descriptor.digest}": it has ${descriptor.size} bytes`, {
      hint: 'Registries take manifests up to 4 MiB',
    })
  const chunks: Uint8Array[] = []
  for await (const chunk of checked(await source.read(descriptor), descriptor)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The bytes of a stream, refused when they are not what the descriptor promises. Throws DIGEST_MISMATCH. */
export async function* checked(
  stream: NodeJS.ReadableStream,
  descriptor: Descriptor,
): AsyncGenerator<Uint8Array, void, undefined> {
  const verifier = digestVerifier(descriptor.digest)
  let size = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > descriptor.size) break
    verifier.update(chunk)
    yield chunk
  }
  if (size !== descriptor.size || !verifier.ok()) {
    throw new XbuildError(
      'DIGEST_MISMATCH',
      `Cannot use blob "${descriptor.digest}": its content does not match its digest`,
      {
        hint: 'Build again; the damaged copy is replaced',
      },
    )
  }
}
