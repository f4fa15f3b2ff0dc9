import { createHmac, createPrivateKey, createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto'

/**
 * Proves to a daemon that it speaks with the same client again, which may have the tokens that were fetched for it and
 * nobody else. With it, passwords stay on this machine: the daemon is given tokens only.
 */
export interface TokenAuthority {
  /** The public key for a host, 32 bytes; `salt` is the daemon's. */
  publicKey(host: string, salt: Uint8Array): Buffer
  /** The payload behind its signature. */
  sign(host: string, salt: Uint8Array, payload: Uint8Array): Buffer
}

/** What comes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const KEY_BYTES = 32

/** The key of a host follows from a seed that is made here and kept nowhere. */
export function createTokenAuthority(): TokenAuthority {
  const seed = randomBytes(KEY_BYTES)
  const keyOf = (host: string, salt: Uint8Array): KeyObject => {
    const secret = createHmac('sha256', salt).update(seed).update(host).digest()
    return createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' })
  }
  return {
    publicKey: (host, salt) =>
      createPublicKey(keyOf(host, salt)).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES),
    sign: (host, salt, payload) => Buffer.concat([sign(null, payload, keyOf(host, salt)), payload]),
  }
}
