import type { IncomingMessage } from 'node:http'
import { MEDIA_TYPE, type Descriptor, type Digest } from '../oci/descriptor.ts'
import { parseDigest, sha256 } from '../oci/digest.ts'
import { parseIndex } from '../oci/read-manifest.ts'
import { type Reference, familiarReference } from '../oci/reference.ts'
import { type Endpoint, registryEndpoint } from './endpoint.ts'
import { RegistryFailure, discard, networkFailure, readUpTo } from './failure.ts'
import { ACCEPT, checkDigest, headerDigest, readManifest } from './manifest.ts'
import type { Connection } from './mirrors.ts'
import { pullScope } from './pull.ts'
import { PATIENT, withRetries } from './retry.ts'
import { placeFrom } from './session.ts'
import type { Referrers } from './types.ts'

/** What can be asked of a repository beside its images, and what can be removed from it; mirrors are not asked. */
export interface Repository {
  /** The digest that a tag or digest stands for; undefined when it is not there. */
  digestOf(ref: Reference, options: { readonly signal: AbortSignal }): Promise<Digest | undefined>
  /** The size of a blob in bytes, `'unknown'` where the registry does not say it; undefined when it is not there. */
  blobSize(
    ref: Reference,
    digest: Digest,
    options: { readonly signal: AbortSignal },
  ): Promise<number | 'unknown' | undefined>
  /** The tags, one page after the other. Throws NOT_FOUND when there is no such repository. */
  tags(ref: Reference, options: { readonly signal: AbortSignal }): AsyncGenerator<readonly string[], void, undefined>
  /** The manifests whose subject is `digest`. */
  referrers(ref: Reference, digest: Digest, options: { readonly signal: AbortSignal }): Promise<Referrers>
  /**
   * Removes the manifest that a digest names, with all its tags, or a tag alone. Throws UNSUPPORTED where the registry
   * does not do it.
   */
  deleteManifest(ref: Reference, options: { readonly signal: AbortSignal }): Promise<'deleted' | 'absent'>
}

/** Tags that are asked for at a time, what a page may have at most in bytes, and what all may have in tags. */
const PAGE = 1000
const MAX_PAGE = 16 << 20
const MAX_TAGS = 200_000
const MAX_REFERRERS = 4 << 20
const MAX_REFERRER_PAGES = 50

/** The operations of a connection on repositories. */
export function repositoryOf(connection: Connection): Repository {
  const at = (ref: Reference): Endpoint => registryEndpoint(ref, connection.registries)
  const patiently = <T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> =>
    withRetries(attempt, { ...connection, signal, patience: PATIENT })

  return {
    digestOf: (ref, { signal }) =>
      patiently(signal, async () => {
        const endpoint = at(ref)
        const what = `look for "${familiarReference(ref)}"`
        const request = {
          what,
          path: `manifests/${ref.digest ?? ref.tag ?? 'latest'}`,
          scopes: [pullScope(endpoint)],
          headers: { accept: ACCEPT.join(', ') },
          expect: [200, 404],
          signal,
        }
        const head = await connection.ask(endpoint, { ...request, method: 'HEAD' })
        discard(head)
        if (head.statusCode === 404) return undefined
        const stated = ref.digest ?? headerDigest(head)
        if (stated !== undefined) return stated
        const whole = await connection.ask(endpoint, { ...request, method: 'GET', expect: [200] })
        return (await readManifest(whole, { what, host: endpoint.host, wanted: undefined, signal })).descriptor.digest
      }),

    blobSize: (ref, digest, { signal }) =>
      patiently(signal, async () => {
        const endpoint = at(ref)
        const response = await connection.ask(endpoint, {
          what: `look for blob ${parseDigest(digest)} in "${familiarReference(ref)}"`,
          method: 'HEAD',
          path: `blobs/${digest}`,
          scopes: [pullScope(endpoint)],
          expect: [200, 404],
          signal,
        })
        discard(response)
        if (response.statusCode === 404) return undefined
        const length = response.headers['content-length']
        return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : 'unknown'
      }),

    async *tags(ref, { signal }) {
      const endpoint = at(ref)
      const what = `list the tags of "${familiarReference({ host: ref.host, repository: ref.repository })}"`
      const seen = new Set<string>()
      for await (const body of pages(endpoint, `tags/list?n=${PAGE}`, { what, signal, maxBytes: MAX_PAGE })) {
        const fresh = tagsIn(body, what, endpoint.host).filter((tag) => !seen.has(tag))
        for (const tag of fresh) seen.add(tag)
        if (seen.size > MAX_TAGS) throw final(what, `${endpoint.host} lists more than ${MAX_TAGS} tags`)
        if (fresh.length > 0) yield fresh
      }
    },

    async referrers(ref, digest, { signal }) {
      const endpoint = at(ref)
      const what = `list what refers to ${digest} in "${familiarReference({ host: ref.host, repository: ref.repository })}"`
      const found: Descriptor[] = []
      let listed = false
      const asked = pages(endpoint, `referrers/${parseDigest(digest)}`, {
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
      }
      if (listed) return { listed, manifests: found }
      const tag = fallbackTag(digest)
      return patiently(signal, async () => {
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
    },

    deleteManifest: (ref, { signal }) =>
      patiently(signal, async () => {
        const endpoint = at(ref)
        const what = `delete "${familiarReference(ref)}"`
        const response = await connection.ask(endpoint, {
          what,
          method: 'DELETE',
          path: `manifests/${ref.digest ?? ref.tag}`,
          scopes: [`repository:${endpoint.repository}:delete,pull`],
          expect: [200, 202, 204, 400, 404, 405, 501],
          signal,
        })
        discard(response)
        const status = response.statusCode ?? 0
        if (status === 404) return 'absent'
        if (status < 300) return 'deleted'
        throw new RegistryFailure(
          'UNSUPPORTED',
          `Cannot ${what}: ${endpoint.host} does not delete ${ref.digest ? 'images' : 'a tag alone'}`,
          {
            transience: 'final',
            status,
            facts: { httpStatus: status },
            hint: ref.digest
              ? 'Turn deleting on in the registry (docker-registry: storage.delete.enabled), or remove the image with the tools of its provider'
              : 'Remove it by its digest, with all its tags, or with the tools of its provider',
          },
        )
      }),
  }

  /** The bodies of all pages of a list, as its Link headers name them (RFC 5988). */
  async function* pages(
    endpoint: Endpoint,
    first: string,
    options: {
      readonly what: string
      readonly signal: AbortSignal
      readonly maxBytes: number
      readonly maxPages?: number
      /** There is no such list: nothing is yielded. */
      readonly isAbsent?: (response: IncomingMessage) => boolean
    },
  ): AsyncGenerator<Buffer, void, undefined> {
    const { what, signal, maxBytes, maxPages = Infinity, isAbsent } = options
    const asked = new Set<string>()
    let url: URL | undefined = new URL(`${endpoint.origin}/v2/${endpoint.repository}/${first}`)
    while (url && asked.size < maxPages) {
      const here: URL = url
      asked.add(here.href)
      const page = await patiently(signal, async () => {
        const response = await connection.ask(endpoint, {
          what,
          method: 'GET',
          path: here,
          scopes: [pullScope(endpoint)],
          headers: { accept: `application/json, ${MEDIA_TYPE.index}` },
          expect: isAbsent ? [200, 400, 404, 405, 501] : [200],
          signal,
        })
        if (isAbsent?.(response)) return discard(response)
        const body = await bodyOf(response, { what, host: endpoint.host, limit: maxBytes, signal })
        return { body, next: nextPage(response, here) }
      })
      if (!page) return
      const { body, next } = page
      yield body
      if (next && next.origin !== here.origin) throw final(what, `${endpoint.host} names a page on another host`)
      if (next && asked.has(next.href)) throw final(what, `${endpoint.host} names the same page again and again`)
      url = next
    }
    if (url) throw final(what, `${endpoint.host} has more than ${maxPages} pages`)
  }
}

/** The tag that stands in for the list of referrers where a registry has none (distribution-spec, referrers tag schema). */
export function fallbackTag(digest: Digest): string {
  return digest.replace(':', '-').slice(0, 128)
}

function nextPage({ headers: { link } }: IncomingMessage, here: URL): URL | undefined {
  const texts = Array.isArray(link) ? link : link === undefined ? [] : [link]
  const found = texts.map((text) => /<([^<>]{1,4096})>\s*;[^,]*\brel="?next"?/i.exec(text)?.[1]).find(Boolean)
  return found === undefined ? undefined : placeFrom(found, here)
}

async function bodyOf(
  response: IncomingMessage,
  { what, host, limit, signal }: { what: string; host: string; limit: number; signal: AbortSignal },
): Promise<Buffer> {
  const bytes = await readUpTo(response, limit).catch((error: unknown) => {
    throw networkFailure(what, host, error, signal)
  })
  if (bytes.length > limit) throw final(what, `${host} sent more than ${limit >> 20} MiB`)
  return bytes
}

function tagsIn(body: Buffer, what: string, host: string): readonly string[] {
  let tags: unknown
  try {
    tags = (JSON.parse(body.toString()) as { tags?: unknown } | null)?.tags ?? []
  } catch {
    tags = undefined
  }
  if (!Array.isArray(tags)) throw final(what, `${host} sent no list of tags`)
  // Whatever is no tag could not be asked for either
  return tags.filter((tag): tag is string => typeof tag === 'string' && /^\w[\w.-]{0,127}$/.test(tag))
}

function indexIn(body: Buffer): readonly Descriptor[] {
  return parseIndex(body, { mediaType: MEDIA_TYPE.index, digest: sha256(body), size: body.length }).manifests
}

function final(what: string, state: string): RegistryFailure {
  return new RegistryFailure('REGISTRY', `Cannot ${what}: ${state}`, { transience: 'final' })
}
