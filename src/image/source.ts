import { XbuildError } from '../errors.ts'
import type { ImageOrigin } from '../content/image-origin.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import { digestVerifier } from '../oci/digest.ts'
import type { Document } from '../oci/make-manifest.ts'
import { MAX_CONFIG_BYTES } from '../oci/read-image-config.ts'
import type { Reference } from '../oci/reference.ts'
import type { Referrers } from '../registry/types.ts'

/** An image that is somewhere: what an origin gives, and what else can be asked there. */
export interface ImageSource extends ImageOrigin {
  /** The repository, without tag and digest, for an image of a registry. */
  readonly at?: Reference
  /** The size of a blob in bytes, `'unknown'` where it is not said; undefined when it is not there. */
  blobSize(descriptor: Descriptor, signal: AbortSignal): Promise<number | 'unknown' | undefined>
  referrers(digest: Digest, signal: AbortSignal): Promise<Referrers>
  /** What cosign 2 keeps of a manifest under tags of its own; absent: there are no tags. */
  attached?(digest: Digest, signal: AbortSignal): Promise<readonly Attached[]>
  close(): Promise<void>
}

/** A manifest that belongs to another one by the name of its tag. */
export interface Attached {
  readonly tag: string
  readonly document: Document
}

/** A manifest, an index or a config of a source, checked against its descriptor. Throws BAD_IMAGE, DIGEST_MISMATCH. */
export async function readDocument(
  source: Pick<ImageSource, 'name' | 'document'>,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Document> {
  if (descriptor.size > MAX_CONFIG_BYTES)
    throw new XbuildError(
      'BAD_IMAGE',
      `Cannot read "${source.name}": ${descriptor.digest} has ${descriptor.size} bytes, too large for a manifest or config`,
    )
  const bytes = await source.document(descriptor, signal)
  const verifier = digestVerifier(descriptor.digest)
  verifier.update(bytes)
  if (bytes.length !== descriptor.size || !verifier.ok())
    throw new XbuildError(
      'DIGEST_MISMATCH',
      `Cannot read "${source.name}": the content of ${descriptor.digest} does not match its descriptor`,
      { hint: 'The source is damaged or malicious' },
    )
  return { descriptor, bytes }
}
