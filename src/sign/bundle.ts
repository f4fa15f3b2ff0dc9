import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto'
import { bundleFromJSON, bundleToJSON, type SerializedBundle, toDSSEBundle } from '@sigstore/bundle'
import { makeStatement } from '../oci/attestation.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import { digestAlgorithm, digestHex } from '../oci/digest.ts'
import { entityOf, isBy, type Signer } from './entity.ts'
import { preAuthEncoding } from './envelope.ts'

/** The media type of a Sigstore bundle, and the type of the artifact that it is as a referrer. */
export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** What cosign 3 says with a signature of an image. */
export const SIGNATURE_TYPE = 'https://sigstore.dev/cosign/sign/v1'

const PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** Signs that an image is what its digest says, as cosign 3 does: a statement in a DSSE envelope, in a bundle. */
export function signDigest({ digest }: Pick<Descriptor, 'digest'>, key: KeyObject): Buffer {
  return Buffer.from(JSON.stringify(bundleToJSON(bundleOf(digest, key))))
}

/** The same with a certificate of the key, in DER. */
export function certifiedBundle(digest: Digest, key: KeyObject, certificate: Buffer): SerializedBundle {
  return bundleToJSON(bundleOf(digest, key, certificate))
}

function bundleOf(digest: Digest, key: KeyObject, certificate?: Buffer): ReturnType<typeof toDSSEBundle> {
  const subject = [{ digest: { [digestAlgorithm(digest)]: digestHex(digest) } }]
  const artifact = Buffer.from(JSON.stringify(makeStatement({ predicateType: SIGNATURE_TYPE, predicate: {} }, subject)))
  const bundle = toDSSEBundle({
    artifact,
    artifactType: PAYLOAD_TYPE,
    signature: sign('sha256', preAuthEncoding({ payload: artifact, payloadType: PAYLOAD_TYPE }), key),
    ...(certificate ? { certificate } : { keyHint: keyHint(createPublicKey(key)) }),
  })
  // The library writes the hint here, too. cosign calls keys by other names, and takes no signature of another name
  for (const one of bundle.content.dsseEnvelope.signatures) one.keyid = ''
  return bundle
}

/** Whether a bundle is a signature of that digest by that signer; anything that cannot be read is none. */
export function isSignatureOf(bytes: Buffer, { digest, ...signer }: { readonly digest: Digest } & Signer): boolean {
  try {
    const bundle = bundleFromJSON(JSON.parse(bytes.toString()))
    if (bundle.content.$case !== 'dsseEnvelope') return false
    const { payload, payloadType } = bundle.content.dsseEnvelope
    if (payloadType !== PAYLOAD_TYPE || !isBy(entityOf(bundle), signer)) return false
    const statement = JSON.parse(payload.toString()) as {
      readonly predicateType?: unknown
      readonly subject?: readonly { readonly digest?: Readonly<Record<string, unknown>> }[]
    }
    const hex = digestHex(digest)
    const names = (statement.subject ?? []).some((one) => one.digest?.[digestAlgorithm(digest)] === hex)
    return names && statement.predicateType === SIGNATURE_TYPE
  } catch {
    return false
  }
}

/** What tells keys apart: the digest of the public key, as cosign writes it. */
function keyHint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('base64')
}
