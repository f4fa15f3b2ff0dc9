import { createHash, type KeyObject } from 'node:crypto'
import type { Bundle } from '@sigstore/bundle'
import { toSignedEntity, toTrustMaterial, Verifier, type SignedEntity } from '@sigstore/verify'
import { preAuthEncoding } from './envelope.ts'
import type { Trust } from './trusted-root.ts'

/** Whose signatures count: of a key, or of an identity that a trusted authority has certified. */
export type Signer = { readonly publicKey: KeyObject } | { readonly identity: Identity; readonly trust: Trust }

/** The subject of a certificate, and who has said that it is the signer's. */
export interface Identity {
  readonly name: string
  readonly issuer: string
}

/**
 * A bundle as it is verified. A log of Rekor's API v2 enters what is in an envelope by the digest of the bytes that are
 * signed, which the library knows only for Node 22 and later. `artifact` is what a signature without envelope is of.
 */
export function entityOf(bundle: Bundle, artifact?: Buffer): SignedEntity {
  const entity = toSignedEntity(bundle, artifact)
  if (bundle.content.$case !== 'dsseEnvelope') return entity
  const kinds = new Set(entity.tlogEntries.map(({ kindVersion }) => kindVersion.kind))
  if (!kinds.has('hashedrekord')) return entity
  const { signature: content } = entity
  const signed = createHash('sha256').update(preAuthEncoding(bundle.content.dsseEnvelope)).digest()
  return {
    ...entity,
    signature: {
      signature: content.signature,
      compareSignature: (signature) => content.compareSignature(signature),
      compareDigest: (digest) => digest.equals(signed) || (kinds.size > 1 && content.compareDigest(digest)),
      verifySignature: (key) => content.verifySignature(key),
    },
  }
}

/**
 * Whether what a bundle holds was signed by that signer. Throws for signatures that are wrong. For a key it does not
 * matter what logs and clocks say of the signature: nobody is named that would be believed.
 */
export function isBy(entity: SignedEntity, signer: Signer): boolean {
  if ('publicKey' in signer) {
    if (entity.key.$case !== 'public-key') return false
    const trusted = toTrustMaterial(
      { mediaType: '', tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] },
      // The hint is what the signer says of itself
      () => ({ publicKey: signer.publicKey, validFor: () => true }),
    )
    const verifier = new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 })
    verifier.verify({ ...entity, tlogEntries: [], timestamps: [] })
    return true
  }
  if (entity.key.$case !== 'certificate') return false
  const { identity, trust } = signer
  const { identity: found } = new Verifier(trust.material, trust.needs).verify(entity)
  return found?.subjectAlternativeName === identity.name && found.extensions?.issuer === identity.issuer
}
