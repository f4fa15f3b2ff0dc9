import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto'
import { bundleFromJSON, bundleToJSON, toDSSEBundle } from '@sigstore/bundle'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { makeStatement } from '../oci/attestation.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import { digestAlgorithm, digestHex } from '../oci/digest.ts'

/** The media type of a Sigstore bundle, and the type of the artifact that it is as a referrer. */
export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** What cosign 3 says with a signature of an image. */
export const SIGNATURE_TYPE = 'https://sigstore.dev/cosign/sign/v1'

const PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** Signs that an image is what its digest says, as cosign 3 does: a statement in a DSSE envelope, in a bundle. */
export function signDigest({ digest }: Pick<Descriptor, 'digest'>, key: KeyObject): Buffer {
  const subject = [{ digest: { [digestAlgorithm(digest)]: digestHex(digest) } }]
  const artifact = Buffer.from(JSON.stringify(makeStatement({ predicateType: SIGNATURE_TYPE, predicate: {} }, subject)))
  const bundle = toDSSEBundle({
    artifact,
    artifactType: PAYLOAD_TYPE,
    signature: sign('sha256', preAuthEncoding(artifact), key),
    keyHint: keyHint(createPublicKey(key)),
  })
  // The library writes the hint here, too. cosign calls keys by other names, and takes no signature of another name
  for (const one of bundle.content.dsseEnvelope.signatures) one.keyid = ''
  return Buffer.from(JSON.stringify(bundleToJSON(bundle)))
}

/** Whether a bundle is a signature of that digest by that key; anything that cannot be read is none. */
export function isSignatureOf(
  bytes: Buffer,
  { digest, publicKey }: { readonly digest: Digest; readonly publicKey: KeyObject },
): boolean {
  try {
    const bundle = bundleFromJSON(JSON.parse(bytes.toString()))
    if (bundle.content.$case !== 'dsseEnvelope') return false
    const { payload, payloadType } = bundle.content.dsseEnvelope
    if (payloadType !== PAYLOAD_TYPE || bundle.verificationMaterial.content.$case !== 'publicKey') return false
    const trusted = toTrustMaterial(
      { mediaType: '', tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] },
      // The hint is what the signer says of itself
      () => ({ publicKey, validFor: () => true }),
    )
    new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 }).verify(toSignedEntity(bundle))
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

/** The bytes that a signature in a DSSE envelope is of. */
function preAuthEncoding(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload])
}

/** What tells keys apart: the digest of the public key, as cosign writes it. */
function keyHint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('base64')
}
