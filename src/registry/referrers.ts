import { XbuildError } from '../errors.ts'
import { MEDIA_TYPE, type Descriptor, type Digest } from '../oci/descriptor.ts'
import { parseDigest, sha256 } from '../oci/digest.ts'
import { parseIndex } from '../oci/read-manifest.ts'
import { familiarReference, type Reference } from '../oci/reference.ts'
import { registryEndpoint } from './endpoint.ts'
import { checkDigest, headerDigest } from './manifest.ts'
import type { Connection } from './mirrors.ts'
import { bodyOf, pagesOf, patiently, unusableAnswer } from './pages.ts'
import { pullScope } from './pull.ts'
import type { Referrers } from './types.ts'

const MAX_REFERRERS = 4 << 20
const MAX_REFERRER_PAGES = 50
/** Of all pages together: each is read by whoever checks or copies an image. */
const MAX_LISTED = 10_000

/** The manifests whose subject is `digest`. */
export async function listReferrers(
  connection: Connection,
  ref: Reference,
  { digest, signal }: { readonly digest: Digest; readonly signal: AbortSignal },
): Promise<Referrers> {
  const endpoint = registryEndpoint(ref, connection.registries)
  const what = `list what refers to ${digest} in "${familiarReference({ host: ref.host, repository: ref.repository })}"`
  const found: Descriptor[] = []
  let listed = false
  const asked = pagesOf(connection, endpoint, {
    first: `referrers/${parseDigest(digest)}`,
    what,
    signal,
    maxBytes: MAX_REFERRERS,
    maxPages: MAX_REFERRER_PAGES,
    isAbsent: ({ statusCode, headers }) =>
      statusCode !== 200 || !/^application\/vnd\.oci\.image\.index\.v1\+json/.test(headers['content-type'] ?? ''),
  })
  for await (const body of asked) {
    listed = true
    found.push(...indexIn(body))
    if (found.length > MAX_LISTED)
      throw unusableAnswer(what, `${endpoint.host} lists more than ${MAX_LISTED} manifests`)
  }
  if (listed) return { listed, manifests: found }
  const tag = fallbackTag(digest)
  const reading = patiently(connection, signal, async (): Promise<Referrers> => {
    const response = await connection.ask(endpoint, {
      what,
      method: 'GET',
      path: `manifests/${tag}`,
      scopes: [pullScope(endpoint)],
      headers: { accept: MEDIA_TYPE.index },
      expect: [200, 404],
      signal,
    })
    const body = await bodyOf(response, { what, host: endpoint.host, limit: MAX_REFERRERS, signal })
    if (response.statusCode !== 200) return { listed, manifests: [] }
    checkDigest(body, headerDigest(response), { what, host: endpoint.host })
    const { etag } = response.headers
    const strong = etag === undefined || etag.startsWith('W/') ? {} : { etag }
    return { listed, manifests: indexIn(body), digest: sha256(body), ...strong }
  })
  return reading.catch((error: unknown) => {
    if (error instanceof XbuildError && error.code === 'AUTH') return { listed, manifests: [], refused: true }
    throw error
  })
}

/** The tag that stands in for the list of referrers where a registry has none (distribution-spec, referrers tag schema). */
export function fallbackTag(digest: Digest): string {
  return digest.replace(':', '-').slice(0, 128)
}

function indexIn(body: Buffer): readonly Descriptor[] {
  return parseIndex(body, { mediaType: MEDIA_TYPE.index, digest: sha256(body), size: body.length }).manifests
}
