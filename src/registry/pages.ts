import type { IncomingMessage } from 'node:http'
import { MEDIA_TYPE } from '../oci/descriptor.ts'
import type { Endpoint } from './endpoint.ts'
import { RegistryFailure, discard, networkFailure, readUpTo } from './failure.ts'
import type { Connection } from './mirrors.ts'
import { pullScope } from './pull.ts'
import { PATIENT, withRetries } from './retry.ts'
import { placeFrom } from './session.ts'

/** A list that a registry gives page by page. */
export interface PagesOptions {
  /** Path of the first page, from the repository on. */
  readonly first: string
  /** What is done, for messages. */
  readonly what: string
  readonly signal: AbortSignal
  /** What a page may have at most. */
  readonly maxBytes: number
  readonly maxPages?: number
  /** There is no such list: nothing is yielded. */
  readonly isAbsent?: (response: IncomingMessage) => boolean
}

/** An operation that only reads, or may be done twice, tried again as long as a registry may need to recover. */
export function patiently<T>(connection: Connection, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  return withRetries(attempt, { ...connection, signal, patience: PATIENT })
}

/** The bodies of all pages of a list, as its Link headers name them (RFC 5988). */
export async function* pagesOf(
  connection: Connection,
  endpoint: Endpoint,
  { first, what, signal, maxBytes, maxPages = Infinity, isAbsent }: PagesOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const asked = new Set<string>()
  let url: URL | undefined = new URL(`${endpoint.origin}/v2/${endpoint.repository}/${first}`)
  while (url && asked.size < maxPages) {
    const here: URL = url
    asked.add(here.href)
    const page = await patiently(connection, signal, async () => {
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
    if (next && next.origin !== here.origin) throw unusableAnswer(what, `${endpoint.host} names a page on another host`)
    if (next && asked.has(next.href)) throw unusableAnswer(what, `${endpoint.host} names the same page again and again`)
    url = next
  }
  if (url) throw unusableAnswer(what, `${endpoint.host} has more than ${maxPages} pages`)
}

function nextPage({ headers: { link } }: IncomingMessage, here: URL): URL | undefined {
  const texts = Array.isArray(link) ? link : link === undefined ? [] : [link]
  const found = texts.map((text) => /<([^<>]{1,4096})>\s*;[^,]*\brel="?next"?/i.exec(text)?.[1]).find(Boolean)
  return found === undefined ? undefined : placeFrom(found, here)
}

/** The body of an answer, if it is not too large. */
export async function bodyOf(
  response: IncomingMessage,
  { what, host, limit, signal }: { what: string; host: string; limit: number; signal: AbortSignal },
): Promise<Buffer> {
  const bytes = await readUpTo(response, limit).catch((error: unknown) => {
    throw networkFailure(what, host, error, signal)
  })
  if (bytes.length > limit) throw unusableAnswer(what, `${host} sent more than ${limit >> 20} MiB`)
  return bytes
}

/** The error for a list that cannot be right; asking again does not help. */
export function unusableAnswer(what: string, state: string): RegistryFailure {
  return new RegistryFailure('REGISTRY', `Cannot ${what}: ${state}`, { transience: 'final' })
}
