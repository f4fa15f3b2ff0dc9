import { XbuildError } from '../errors.ts'
import { readBlob } from '../content/read-blob.ts'
import { parseAny } from '../oci/any-manifest.ts'
import { readDocument, type ImageSource } from '../image/source.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { isManifestType } from '../oci/media-type.ts'
import { BUNDLE_TYPE, isSignatureOf } from './bundle.ts'
import type { Signer } from './entity.ts'
import { isSimpleSignatureOf, simpleSignaturesIn, type SimpleSignature } from './simple-signing.ts'

/** What is read of the place that signatures are in. */
export type SignaturePlace = Pick<ImageSource, 'name' | 'document' | 'blob' | 'referrers' | 'attached'>

/** The signatures of an image. */
export interface Signatures {
  /** Digests of the manifests of those that the signer made. */
  readonly valid: readonly string[]
  /** Bundles that are there, whoever made them and whatever they say. */
  readonly found: number
}

/** More than one image has, and more bytes than a bundle has. */
const MAX_BUNDLES = 200
const MAX_BUNDLE_BYTES = 1 << 20

/** Looks for signatures of a manifest that somebody made. What is damaged, or of others, counts as found only. */
export async function findSignatures(
  place: SignaturePlace,
  { subject, ...signer }: { readonly subject: Descriptor } & Signer,
  signal: AbortSignal,
): Promise<Signatures> {
  const bundles = await findBundles(place, subject, signal)
  const blobs = { read: (blob: Descriptor) => place.blob(blob, 0, signal) }
  const valid: string[] = []
  for (const { digest, layer } of bundles) {
    const bytes = await unlessOfContent(() => readBlob(blobs, layer, MAX_BUNDLE_BYTES))
    if (bytes && isSignatureOf(bytes, { digest: subject.digest, ...signer })) valid.push(digest)
  }
  const simple = await findSimple(place, subject, signal)
  for (const { digest, payload, signature } of simple) {
    if (!('publicKey' in signer)) break // such a one has its certificate elsewhere: cosign itself checks it
    const { publicKey } = signer
    const bytes = await unlessOfContent(() => readBlob(blobs, payload, MAX_BUNDLE_BYTES))
    if (bytes && isSimpleSignatureOf(bytes, { signature, digest: subject.digest, publicKey })) valid.push(digest)
  }
  return { valid: [...new Set(valid)], found: bundles.length + simple.length }
}

/** Manifests that refer to an image and have a Sigstore bundle, and the layer that it is. */
export async function findBundles(
  place: Omit<SignaturePlace, 'blob'>,
  subject: Descriptor,
  signal: AbortSignal,
): Promise<readonly { readonly digest: string; readonly layer: Descriptor }[]> {
  const { manifests } = await place.referrers(subject.digest, signal)
  const candidates = manifests.filter(
    ({ artifactType, mediaType }) => isManifestType(mediaType) && TYPES.has(artifactType),
  )
  const bundles: { digest: string; layer: Descriptor }[] = []
  for (const one of candidates.slice(0, MAX_BUNDLES)) {
    const manifest = await unlessOfContent(async () => {
      const { descriptor, bytes } = await readDocument(place, one, signal)
      return parseAny(bytes, descriptor)
    })
    const layer = manifest?.layers[0]
    if (manifest?.subject?.digest === subject.digest && layer?.mediaType === BUNDLE_TYPE)
      bundles.push({ digest: one.digest, layer })
  }
  return bundles
}

/** Signatures of cosign 2, under a tag of their own. */
async function findSimple(
  place: SignaturePlace,
  { digest }: Descriptor,
  signal: AbortSignal,
): Promise<readonly (SimpleSignature & { readonly digest: string })[]> {
  const attached = (await place.attached?.(digest, signal)) ?? []
  const found = attached.find(({ tag }) => tag.endsWith('.sig'))?.document
  const manifest = found && (await unlessOfContent(async () => parseAny(found.bytes, found.descriptor)))
  if (!manifest) return []
  return simpleSignaturesIn(manifest)
    .slice(0, MAX_BUNDLES)
    .map((one) => ({ ...one, digest: found.descriptor.digest }))
}

// In the tag of a registry that keeps no list of referrers, cosign 3 writes the type of the config, and no annotations
const TYPES: ReadonlySet<string | undefined> = new Set([BUNDLE_TYPE, MEDIA_TYPE.empty, undefined])

/** What is damaged, or gone, is as if it were not there. */
async function unlessOfContent<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof XbuildError && OF_CONTENT.has(error.code)) return undefined
    throw error
  }
}

const OF_CONTENT: ReadonlySet<string> = new Set(['NOT_FOUND', 'BAD_IMAGE', 'DIGEST_MISMATCH', 'UNSUPPORTED'])
