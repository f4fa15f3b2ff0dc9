import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto'
import { type Bundle, bundleFromJSON, bundleToJSON, type SerializedBundle, toDSSEBundle } from '@sigstore/bundle'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { makeStatement } from '../oci/attestation.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import { digestAlgorithm, digestHex } from '../oci/digest.ts'
import type { Trust } from './trusted-root.ts'

/** The media type of a Sigstore bundle, and the type of the artifact that it is as a referrer. */
export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** What cosign 3 says with a signature of an image. */
export const SIGNATURE_TYPE = 'https://sigstore.dev/cosign/sign/v1'

const PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** Whose signatures count: of a key, or of an identity that a trusted authority has certified. */
export type Signer = { readonly publicKey: KeyObject } | { readonly identity: Identity; readonly trust: Trust }

/** The subject of a certificate, and who has said that it is the signer's. */
export interface Identity {
  readonly name: string
  readonly issuer: string
}

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
    signature: sign('sha256', preAuthEncoding(artifact), key),
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
    if (payloadType !== PAYLOAD_TYPE || !isBy(bundle, signer)) return false
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

/** Whether what a bundle holds was signed by that signer. Throws for signatures that are wrong. */
function isBy(bundle: Bundle, signer: Signer): boolean {
  const { $case } = bundle.verificationMaterial.content
  if ('publicKey' in signer) {
    if ($case !== 'publicKey') return false
    const trusted = toTrustMaterial(
      { mediaType: '', tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] },
      // The hint is what the signer says of itself
      () => ({ publicKey: signer.publicKey, validFor: () => true }),
    )
    new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 }).verify(toSignedEntity(bundle))
    return true
  }
  if ($case !== 'certificate' && $case !== 'x509CertificateChain') return false
  const { identity, trust } = signer
  const { identity: found } = new Verifier(trust.material, trust.needs).verify(toSignedEntity(bundle))
  return found?.subjectAlternativeName === identity.name && found.extensions?.issuer === identity.issuer
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
