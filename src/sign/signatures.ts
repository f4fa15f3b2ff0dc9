import type { KeyObject } from 'node:crypto'
import { XbuildError } from '../errors.ts'
import { readBlob } from '../content/read-blob.ts'
import { parseAny } from '../image/any-manifest.ts'
import { readDocument, type ImageSource } from '../image/source.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isManifestType } from '../oci/media-type.ts'
import { BUNDLE_TYPE, isSignatureOf } from './bundle.ts'

/** What is read of the place that signatures are in. */
export type SignaturePlace = Pick<ImageSource, 'name' | 'document' | 'blob' | 'referrers'>

/** The signatures of an image. */
export interface Signatures {
  /** Digests of the manifests of those that the key made. */
  readonly valid: readonly string[]
  /** Bundles that are there, whoever made them and whatever they say. */
  readonly found: number
}

/** More than one image has, and more bytes than a bundle has. */
const MAX_BUNDLES = 200
const MAX_BUNDLE_BYTES = 1 << 20

/** Looks for signatures of a manifest that a key made. What is damaged, or of others, counts as found only. */
export async function findSignatures(
  place: SignaturePlace,
  { subject, publicKey }: { readonly subject: Descriptor; readonly publicKey: KeyObject },
  signal: AbortSignal,
): Promise<Signatures> {
  const { manifests } = await place.referrers(subject.digest, signal)
  const bundles = manifests.filter(
    ({ artifactType, mediaType }) => artifactType === BUNDLE_TYPE && isManifestType(mediaType),
  )
  const valid: string[] = []
  for (const one of bundles.slice(0, MAX_BUNDLES)) if (await isValid(one)) valid.push(one.digest)
  return { valid, found: bundles.length }

  async function isValid(one: Descriptor): Promise<boolean> {
    try {
      const { descriptor, bytes } = await readDocument(place, one, signal)
      const manifest = parseAny(bytes, descriptor)
      const [layer] = manifest.layers
      if (manifest.subject?.digest !== subject.digest || layer?.mediaType !== BUNDLE_TYPE) return false
      const blobs = { read: (blob: Descriptor) => place.blob(blob, 0, signal) }
      return isSignatureOf(await readBlob(blobs, layer, MAX_BUNDLE_BYTES), { digest: subject.digest, publicKey })
    } catch (error) {
      if (error instanceof XbuildError && OF_CONTENT.has(error.code)) return false
      throw error
    }
  }
}

const OF_CONTENT: ReadonlySet<string> = new Set(['NOT_FOUND', 'BAD_IMAGE', 'DIGEST_MISMATCH', 'UNSUPPORTED'])
