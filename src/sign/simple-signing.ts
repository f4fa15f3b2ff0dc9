import { verify, type KeyObject } from 'node:crypto'
import type { AnyManifest } from '../oci/any-manifest.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'

/** The media type of what cosign 2 signs: a layer of the manifest under the tag `sha256-....sig`. */
export const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json'

const SIGNATURE = 'dev.cosignproject.cosign/signature'
/** What cosign writes into every payload. */
const KIND = 'cosign container image signature'

/** A payload, and the signature of it. */
export interface SimpleSignature {
  readonly payload: Descriptor
  readonly signature: Buffer
}

/** The signatures in a manifest of cosign 2. */
export function simpleSignaturesIn({ layers }: Pick<AnyManifest, 'layers'>): readonly SimpleSignature[] {
  return layers.flatMap((payload) => {
    const text = payload.annotations?.[SIGNATURE]
    if (payload.mediaType !== PAYLOAD_TYPE || text === undefined) return []
    return [{ payload, signature: Buffer.from(text, 'base64') }]
  })
}

/** Whether these bytes are signed by that key, and say that digest; what cannot be read says nothing. */
export function isSimpleSignatureOf(
  payload: Buffer,
  {
    signature,
    digest,
    publicKey,
  }: { readonly signature: Buffer; readonly digest: Digest; readonly publicKey: KeyObject },
): boolean {
  try {
    if (!verify('sha256', payload, publicKey, signature)) return false
    const said = JSON.parse(payload.toString()) as {
      readonly critical?: {
        readonly type?: unknown
        readonly image?: { readonly 'docker-manifest-digest'?: unknown }
      }
    } | null
    return said?.critical?.type === KIND && said.critical.image?.['docker-manifest-digest'] === digest
  } catch {
    return false
  }
}
