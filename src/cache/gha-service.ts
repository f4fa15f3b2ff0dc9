import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { toXbuildError, XbuildError } from '../errors.ts'
import { createAgents } from '../host/http/agents.ts'
import { createHttp, SourceError, type HttpBody, type HttpRequest } from '../host/http/send.ts'
import { within } from './time-limit.ts'

/** GitHub's cache service, version 2: Twirp calls for names, signed addresses of a blob store for bytes. */
export interface CacheService {
  /** The entry of that name, or the newest of those that begin with the first of `prefixes` that has any. */
  find(key: string, prefixes: readonly string[], signal: AbortSignal): Promise<FoundEntry | undefined>
  download(url: string, offset: number, signal: AbortSignal): Promise<IncomingMessage>
  /** Makes an entry; false when the name is taken: by an entry, or by somebody who has not finished one. */
  upload(key: string, body: HttpBody, signal: AbortSignal): Promise<boolean>
}

/** An entry, and where its bytes can be read. */
export interface FoundEntry {
  readonly key: string
  readonly url: string
}

const SERVICE = 'twirp/github.actions.results.api.v1.CacheService'
/** Entries are found only by who names the same version. */
const VERSION = createHash('sha256').update('xbuild cache 1').digest('hex')
/** The blob store takes no more in one request. Bytes. */
const MAX_BLOB = 5000 * 1024 * 1024
const TRIES = 4
const MAX_ANSWER = 64 * 1024
/** Milliseconds that a call may take with all its tries, and a download until its first byte. */
const ANSWER = 20_000
/** Milliseconds for which a service that has given up is not asked again. */
const GONE_FOR = 60_000

export function createCacheService({
  url,
  token,
  env,
  timeout = ANSWER,
}: {
  url: string
  token: string
  env: Readonly<Record<string, string | undefined>>
  /** Milliseconds that one answer may take. */
  timeout?: number
}): CacheService {
  const base = new URL(url.endsWith('/') ? url : `${url}/`)
  const send = createHttp({ agents: createAgents({ env }), idleTimeout: 20_000 })
  let gone: { readonly error: XbuildError; readonly until: number } | undefined

  /** Does what must be over in time. A service that is gone is asked once, not by every layer anew. */
  async function inTime<T>(what: string, signal: AbortSignal, work: (limited: AbortSignal) => Promise<T>): Promise<T> {
    if (gone && Date.now() < gone.until) throw gone.error
    try {
      return await within({ ms: Math.min(timeout, ANSWER), what, signal }, work)
    } catch (thrown) {
      signal.throwIfAborted()
      const error = toXbuildError(thrown)
      if (error.code === 'REGISTRY') gone = { error, until: Date.now() + GONE_FOR }
      throw error
    }
  }

  function call(method: string, message: unknown, signal: AbortSignal): Promise<Record<string, unknown>> {
    return inTime(method, signal, (limited) => callOnce(method, message, limited))
  }

  async function callOnce(method: string, message: unknown, signal: AbortSignal): Promise<Record<string, unknown>> {
    const bytes = Buffer.from(JSON.stringify(message))
    const response = await ask(
      method,
      {
        method: 'POST',
        url: new URL(`${SERVICE}/${method}`, base),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: { length: bytes.length, open: async () => Readable.from([bytes], { objectMode: false }) },
        signal,
      },
      [200, 409],
    )
    const answer = await text(response)
    try {
      // A name that is taken already is told by a status, or in the answer
      const read: unknown = response.statusCode === 409 ? { ok: false } : JSON.parse(answer)
      if (typeof read === 'object' && read !== null) return read as Record<string, unknown>
      throw new TypeError('It is no object')
    } catch (cause) {
      throw new XbuildError('REGISTRY', `Cannot use GitHub's cache service: its answer to ${method} is not JSON`, {
        cause,
      })
    }
  }

  /**
   * Sends, and again when the other side has a bad moment. Addresses of the blob store are secrets: no message names
   * them.
   */
  async function ask(what: string, request: HttpRequest, expect: readonly number[]): Promise<IncomingMessage> {
    for (let attempt = 1; ; attempt++) {
      const last = attempt === TRIES
      try {
        const response = await send(request)
        const status = response.statusCode ?? 0
        if (expect.includes(status)) return response
        const words = (await text(response)).replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200)
        if (last || (status !== 429 && status < 500)) {
          throw new XbuildError(
            status === 401 || status === 403 ? 'AUTH' : 'REGISTRY',
            `Cannot use GitHub's cache service: ${what} failed with HTTP status ${status} ${words}`.trimEnd(),
          )
        }
      } catch (error) {
        if (error instanceof XbuildError) throw error
        request.signal.throwIfAborted()
        if (error instanceof SourceError) throw toXbuildError(error.cause)
        if (last)
          throw new XbuildError('REGISTRY', `Cannot use GitHub's cache service: ${what}: ${(error as Error).message}`, {
            cause: error,
          })
      }
      await sleep(250 * 2 ** attempt * (0.5 + Math.random()), undefined, { signal: request.signal })
    }
  }

  return {
    async find(key, prefixes, signal) {
      const answer = await call('GetCacheEntryDownloadURL', { key, restore_keys: prefixes, version: VERSION }, signal)
      if (answer['ok'] !== true) return undefined
      const matched = answer['matched_key'] ?? answer['matchedKey']
      return {
        key: typeof matched === 'string' ? matched : '',
        url: addressIn(answer, 'signed_download_url', 'signedDownloadUrl'),
      }
    },
    download: (address, offset, signal) =>
      ask(
        'a download',
        { method: 'GET', url: new URL(address), headers: offset > 0 ? { range: `bytes=${offset}-` } : {}, signal },
        [offset > 0 ? 206 : 200],
      ),
    async upload(key, body, signal) {
      if (body.length > MAX_BLOB)
        throw new XbuildError(
          'UNSUPPORTED',
          `Cannot store "${key}" in GitHub's cache service: ${body.length} bytes are more than the service accepts`,
        )
      const made = await call('CreateCacheEntry', { key, version: VERSION }, signal)
      if (made['ok'] !== true) return false
      const address = new URL(addressIn(made, 'signed_upload_url', 'signedUploadUrl'))
      const headers = { 'x-ms-blob-type': 'BlockBlob', 'content-type': 'application/octet-stream' }
      await text(await ask('an upload', { method: 'PUT', url: address, headers, body, signal }, [201]))
      const finished = await call(
        'FinalizeCacheEntryUpload',
        { key, size_bytes: String(body.length), version: VERSION },
        signal,
      )
      if (finished['ok'] !== true)
        throw new XbuildError(
          'REGISTRY',
          `Cannot store "${key}" in GitHub's cache service: the service did not accept the finished upload`,
        )
      return true
    },
  }
}

/** Protobuf's JSON may write a field either way. */
function addressIn(answer: Record<string, unknown>, ...names: readonly string[]): string {
  const found = names.map((name) => answer[name]).find((value) => typeof value === 'string' && URL.canParse(value))
  if (typeof found !== 'string')
    throw new XbuildError('REGISTRY', `Cannot use GitHub's cache service: its answer has no ${names[0]}`)
  return found
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if ((size += chunk.length) > MAX_ANSWER) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
