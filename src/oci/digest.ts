import { createHash } from 'node:crypto'
import { XbuildError } from '../errors.ts'
import type { Digest } from './descriptor.ts'

const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 }

/**
 * A digest out of foreign text; anything but lower-case sha256 or sha512 is BAD_REFERENCE (image-spec descriptor.md,
 * digests).
 */
export function parseDigest(text: string): Digest {
  const [, algorithm = '', hex = ''] = /^([^:]*):(.*)$/s.exec(text) ?? []
  const length = Object.hasOwn(HEX_LENGTH, algorithm) ? HEX_LENGTH[algorithm] : undefined
  if (length === undefined) {
    throw new XbuildError(
      'BAD_REFERENCE',
      `Cannot read digest "${shorten(text)}": it is neither sha256:... nor sha512:...`,
    )
  }
  if (hex.length !== length || !/^[0-9a-f]+$/.test(hex)) {
    throw new XbuildError(
      'BAD_REFERENCE',
      `Cannot read digest "${shorten(text)}": ${algorithm} needs ${length} lower-case hex digits`,
    )
  }
  return `${algorithm}:${hex}`
}

/** The sha256 digest of bytes, or of a text as UTF-8. */
export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** The part of a digest after the colon. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

/** The part of a digest before the colon: `sha256` or `sha512`. */
export function digestAlgorithm(digest: Digest): string {
  return digest.slice(0, digest.indexOf(':'))
}

/**
 * Hashes a stream piece by piece; `ok()`, asked once at the end, says whether the pieces were what the digest names.
 */
export interface DigestVerifier {
  update(chunk: Uint8Array | string): void
  ok(): boolean
}

/** A verifier for content that should have this digest. */
export function digestVerifier(digest: Digest): DigestVerifier {
  const checked = parseDigest(digest)
  const hash = createHash(digestAlgorithm(checked))
  return {
    update: (chunk) => void hash.update(chunk),
    ok: () => hash.digest('hex') === digestHex(checked),
  }
}

function shorten(text: string): string {
  const plain = text.replace(/[\u0000-\u001f\u007f]/g, '?')
  return plain.length > 160 ? `${plain.slice(0, 160)}...` : plain
}
