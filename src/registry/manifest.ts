import type { IncomingMessage } from 'node:http'
import { MEDIA_TYPE } from '../oci/descriptor.ts'
import type { Digest } from '../oci/descriptor.ts'
import { digestAlgorithm, digestVerifier, parseDigest, sha256 } from '../oci/digest.ts'
import { RegistryFailure, type Transience, networkFailure, readUpTo } from './failure.ts'
import type { RemoteManifest } from './types.ts'

/** All that xbuild can read, as the Accept header wants it. */
export const ACCEPT: readonly string[] = [
  MEDIA_TYPE.index,
  MEDIA_TYPE.manifest,
  MEDIA_TYPE.dockerList,
  MEDIA_TYPE.dockerManifest,
]

/** What a manifest may be at most (distribution-spec asks registries to take at least this). */
const MAX_MANIFEST = 4 * 1024 * 1024

/**
 * Reads a manifest out of an answer and checks size, digest and media type; `wanted` is the digest that was asked
 * for.
 */
export async function readManifest(
  response: IncomingMessage,
  expected: { what: string; host: string; wanted: Digest | undefined; signal: AbortSignal },
): Promise<RemoteManifest> {
  const { what, host, wanted } = expected
  let bytes: Buffer
  try {
    bytes = await readUpTo(response, MAX_MANIFEST)
  } catch (error) {
    throw networkFailure(what, host, error, expected.signal)
  }
  if (bytes.length > MAX_MANIFEST) throw unusable('it is larger than 4 MiB')
  const digest = checkDigest(bytes, wanted ?? headerDigest(response), expected)
  const { etag } = response.headers
  return {
    descriptor: { mediaType: mediaType(), digest, size: bytes.length },
    bytes,
    ...(etag === undefined || etag.startsWith('W/') ? {} : { etag }),
  }

  /** Header and body have to agree: a type that changes after the check would change the meaning of the same bytes. */
  function mediaType(): string {
    const header = (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
    const json = parseObject(bytes) ?? fail(unusable('it is not a JSON object', undefined, 'doubtful'))
    if (json['schemaVersion'] === 1)
      throw unusable('it is a schema 1 image', 'Push the image again with a current tool')
    const inside = typeof json['mediaType'] === 'string' ? json['mediaType'] : undefined
    const generic = header === '' || /^(?:application\/(?:json|octet-stream)|text\/plain)$/.test(header)
    if (inside !== undefined && !generic && inside !== header)
      throw unusable(`its mediaType is ${inside}, but its Content-Type is ${header}`)
    const type =
      inside ?? (generic ? (Array.isArray(json['manifests']) ? MEDIA_TYPE.index : MEDIA_TYPE.manifest) : header)
    if (!(ACCEPT as readonly string[]).includes(type)) throw unusable(`${type} is not an image`)
    return type
  }

  function unusable(state: string, hint?: string, transience: Transience = 'final'): RegistryFailure {
    return new RegistryFailure('UNSUPPORTED', `Cannot ${what}: ${state}`, {
      transience,
      ...(hint ? { hint } : {}),
    })
  }
}

/** The digest a registry states in its answer, if it states one that can be read. */
export function headerDigest(response: IncomingMessage): Digest | undefined {
  const header = response.headers['docker-content-digest']
  try {
    return typeof header === 'string' ? parseDigest(header) : undefined
  } catch {
    return undefined
  }
}

/** The digest of bytes that should have the one given. Throws DIGEST_MISMATCH. */
export function checkDigest(
  bytes: Buffer,
  digest: Digest | undefined,
  { what, host }: { what: string; host: string },
): Digest {
  const actual = sha256(bytes)
  if (digest === undefined || digest === actual) return actual
  if (digestAlgorithm(digest) !== 'sha256') {
    const verifier = digestVerifier(digest)
    verifier.update(bytes)
    if (verifier.ok()) return digest
  }
  // Part of an answer, as a proxy may pass it on, has another digest, too
  throw new RegistryFailure('DIGEST_MISMATCH', `Cannot ${what}: ${host} sent ${actual} instead of ${digest}`, {
    transience: 'doubtful',
  })
}

function parseObject(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(bytes.toString())
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function fail(error: Error): never {
  throw error
}
