import { createPublicKey, type KeyObject } from 'node:crypto'
import { Readable } from 'node:stream'
import { XbuildError } from '../errors.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import { sha256 } from '../oci/digest.ts'
import type { Document } from '../oci/make-manifest.ts'
import { makeReferrer } from '../oci/referrer.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { addReferrers } from '../publish/add-referrers.ts'
import type { RegistryClient } from '../registry/types.ts'
import { BUNDLE_TYPE, SIGNATURE_TYPE, signDigest } from './bundle.ts'
import type { Signer } from './entity.ts'
import { findSignatures, type SignaturePlace } from './signatures.ts'

/** What signing needs. */
export interface SignEdges {
  readonly registry: RegistryClient
  readonly signal: AbortSignal
}

/** Who signs: whose signatures count as theirs, and how one is made. */
export interface ManifestSigner {
  readonly signer: Signer
  /** Makes a bundle, and says by whom it can be seen to be. */
  sign(digest: Digest, signal: AbortSignal): Promise<{ readonly bytes: Buffer; readonly signer: Signer }>
}

/** Signs with a private key. */
export function keySigner(key: KeyObject): ManifestSigner {
  const signer = { publicKey: createPublicKey(key) }
  return { signer, sign: async (digest) => ({ bytes: signDigest({ digest }, key), signer }) }
}

/**
 * Signs a manifest that is in a repository, unless the same signer has signed it there before; the signature is a
 * referrer of it, and is read back and checked. Throws REGISTRY when the repository does not give it back.
 */
export async function signManifest(
  ref: Reference,
  { mediaType, digest, size }: Descriptor,
  { by, created, registry, signal }: SignEdges & { readonly by: ManifestSigner; readonly created: Date },
): Promise<'signed' | 'known'> {
  const at: Reference = { host: ref.host, repository: ref.repository }
  const subject = { mediaType, digest, size }
  const place = placeOf(at, registry)
  if ((await findSignatures(place, { subject, ...by.signer }, signal)).valid.length > 0) return 'known'
  const { bytes, signer } = await by.sign(digest, signal)
  const bundle: Document = { descriptor: { mediaType: BUNDLE_TYPE, digest: sha256(bytes), size: bytes.length }, bytes }
  const { manifest, blobs } = makeReferrer(BUNDLE_TYPE, [bundle], subject, {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': SIGNATURE_TYPE,
    'org.opencontainers.image.created': `${created.toISOString().slice(0, 19)}Z`,
  })
  for (const blob of blobs)
    await registry.pushBlob(at, blob.descriptor, { signal, open: () => Readable.from([blob.bytes]) })
  await registry.pushManifest({ ...at, digest: manifest.descriptor.digest }, manifest, { signal })
  await addReferrers(at, { subject: digest, added: [manifest.descriptor] }, { registry, signal })
  const { valid } = await findSignatures(place, { subject, ...signer }, signal)
  if (!valid.includes(manifest.descriptor.digest))
    throw new XbuildError(
      'REGISTRY',
      `Cannot sign "${formatReference({ ...at, digest })}": ${at.host} does not give the signature back`,
    )
  return 'signed'
}

/** A repository of a registry, as signatures are read from it. */
export function placeOf(at: Reference, registry: RegistryClient): SignaturePlace {
  return {
    name: formatReference(at),
    document: async ({ digest }, signal) =>
      (await registry.manifest({ ...at, digest }, { signal, direct: true })).bytes,
    blob: (descriptor, offset, signal) => registry.blob(at, descriptor, { signal, offset }),
    referrers: (digest, signal) => registry.referrers(at, digest, { signal }),
  }
}
