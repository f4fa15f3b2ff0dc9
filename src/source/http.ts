import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Transform } from 'node:stream'
import { compact } from '../compact.ts'
import { showUrl } from '../dockerfile/show-url.ts'
import { XbuildError } from '../errors.ts'
import { createAgents } from '../host/http/agents.ts'
import { createRoomMeter } from '../host/disk-room.ts'
import { isLoopback } from '../host/http/loopback.ts'
import type { Reach } from '../host/http/reach.ts'
import { createHttp, type SendHttp } from '../host/http/send.ts'
import { pipeToFile } from '../host/pipe-to-file.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import { askPatiently, checkStatus, discard } from './http-failure.ts'
import { httpLogin, type ReadSecret } from './logins.ts'
import { temporaryName } from './temporary.ts'

/** A downloaded file: its bytes are a blob of the store. */
export interface Download {
  /** `sha256:...` */
  readonly digest: string
  /** Bytes. */
  readonly size: number
  /** Seconds since the epoch: what the server says of the file, or 0. */
  readonly mtime: number
  /** What the server says itself, if it does. */
  readonly lastModified?: string
}

/** How one file is fetched. */
export interface DownloadOptions {
  readonly signal: AbortSignal
  /** `sha256:...` that the content must have: known content of that digest needs no question to the server. */
  readonly checksum?: string
  /** Bytes so far, and of the whole when the server says. */
  readonly onProgress?: (current: number, total?: number) => void
  /** More bytes than this are refused. */
  readonly limit?: number
}

/** Downloads files into the store, each only when the server has a newer one than the store. */
export interface Downloader {
  download(url: string, options: DownloadOptions): Promise<Download>
  close(): void
}

/** What the store remembers of a URL. */
interface UrlRecord extends Download {
  readonly etag?: string
}

const MAX_REDIRECTS = 10
const IDLE = 60_000

/**
 * Opens a downloader; proxies come from `env`, logins from URLs and from secrets. With a limited `reach`, only a URL
 * itself may name this machine: a redirect from elsewhere leads nowhere into it.
 */
export function createDownloader({
  store,
  env,
  secret = async () => undefined,
  reach = 'all',
}: {
  store: Store
  env: Readonly<Record<string, string | undefined>>
  secret?: ReadSecret
  reach?: Reach
}): Downloader {
  const agents = createAgents({ env, reach })
  const redirectAgents = createAgents({ env, reach: reach === 'all' ? reach : 'no-loopback' })
  const send = createHttp({ agents, idleTimeout: IDLE })
  const sendRedirected = createHttp({ agents: redirectAgents, idleTimeout: IDLE })

  /** From this machine to this machine is no way that a server opens. */
  function senderFrom(start: URL): SendHttp {
    const isLocal = isLoopback(start.host)
    return (request) => {
      const stays = request.url.hostname === start.hostname || (isLocal && isLoopback(request.url.host))
      return (stays ? send : sendRedirected)(request)
    }
  }

  async function known(key: string): Promise<UrlRecord | undefined> {
    const record = await store.records.get<UrlRecord>('urls', key)
    return record && (await store.blobs.has(record.digest, record.size)) ? record : undefined
  }

  return {
    async download(url, options) {
      const { signal, checksum } = options
      const key = keyOf(url)
      const record = await known(key)
      if (record && record.digest === checksum) return record
      const what = `download "${showUrl(url)}"`
      const authorization = await httpLogin(new URL(url), secret)
      const fetched = await askPatiently(what, signal, async () => {
        const response = await follow(senderFrom(new URL(url)), new URL(url), {
          what,
          signal,
          headers: conditions(record),
          authorization,
        })
        if (response.statusCode === 304 && record) {
          discard(response)
          return record
        }
        if (response.statusCode === 304) {
          discard(response)
          throw new XbuildError('REGISTRY', `Cannot ${what}: it was answered with 304, which nobody asked for`)
        }
        return keep(response, { store, what, ...options })
      })
      if (checksum !== undefined && fetched.digest !== checksum) {
        throw new XbuildError(
          'DIGEST_MISMATCH',
          `Cannot use "${showUrl(url)}": its digest is ${fetched.digest}, the checksum says ${checksum}`,
          {
            hint: 'The file is not the one that the checksum was made of: check where it comes from, then correct the URL or the checksum',
          },
        )
      }
      await store.records.put('urls', key, fetched)
      return fetched
    },
    close() {
      agents.close()
      redirectAgents.close()
    },
  }
}

function conditions(record: UrlRecord | undefined): Record<string, string> {
  return compact({ 'if-none-match': record?.etag, 'if-modified-since': record?.lastModified })
}

interface FollowOptions {
  readonly what: string
  readonly signal: AbortSignal
  readonly headers: Readonly<Record<string, string>>
  /** For the first host, unless its URL holds a user. */
  readonly authorization: string | undefined
}

/** The answer at the end of all redirects; a login goes to its own host only. */
async function follow(
  send: SendHttp,
  start: URL,
  { what, signal, headers, authorization }: FollowOptions,
): Promise<IncomingMessage> {
  let url = start
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await send({
      method: 'GET',
      url: withoutUser(url),
      headers: { ...headers, ...login(url, url.origin === start.origin ? authorization : undefined) },
      signal,
    })
    const { location } = response.headers
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined)
      return checkStatus(what, url, response)
    discard(response)
    if (!URL.canParse(location, url.href))
      throw new XbuildError('REGISTRY', `Cannot ${what}: ${url.host} redirects to an invalid URL`)
    const next = new URL(location, url)
    if (next.protocol !== 'http:' && next.protocol !== 'https:')
      throw new XbuildError('REGISTRY', `Cannot ${what}: ${url.host} redirects to a ${next.protocol} URL`)
    if (url.protocol === 'https:' && next.protocol === 'http:') {
      throw new XbuildError('REGISTRY', `Cannot ${what}: ${url.host} redirects from https to http`, {
        hint: 'If this is intended, write the http URL, with a checksum',
      })
    }
    if (next.origin === url.origin && next.username === '')
      [next.username, next.password] = [url.username, url.password]
    url = next
  }
  throw new XbuildError('REGISTRY', `Cannot ${what}: more than ${MAX_REDIRECTS} redirects`)
}

function withoutUser(url: URL): URL {
  const clean = new URL(url)
  clean.username = clean.password = ''
  return clean
}

function login(url: URL, authorization: string | undefined): Record<string, string> {
  if (url.username === '') return authorization === undefined ? {} : { authorization }
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** Streams a body into a blob. */
async function keep(
  response: IncomingMessage,
  { store, what, signal, onProgress, limit = Infinity }: DownloadOptions & { store: Store; what: string },
): Promise<UrlRecord> {
  const { etag, 'last-modified': lastModified, 'content-length': length } = response.headers
  const total = length === undefined ? undefined : Number(length)
  const file = temporaryName(store.folder, 'download')
  const hash = createHash('sha256')
  const makeRoom = createRoomMeter(store.folder.tmp, { what: 'download into' })
  let size = 0
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      size += chunk.length
      onProgress?.(size, total)
      if (size > limit) return done(new XbuildError('REGISTRY', `Cannot ${what}: it has more than ${limit} bytes`))
      try {
        makeRoom(chunk.length)
        done(null, chunk)
      } catch (error) {
        done(error as Error)
      }
    },
  })
  try {
    await pipeToFile([response, meter], file, { flags: 'wx', signal })
    const digest = `sha256:${hash.digest('hex')}`
    const handle = await open(file, 'r')
    await handle.sync().finally(() => handle.close())
    await store.blobs.adopt(file, digest)
    const time = Date.parse(lastModified ?? '')
    const mtime = Number.isNaN(time) ? 0 : Math.max(0, Math.floor(time / 1000))
    return {
      digest,
      size,
      mtime,
      ...compact({ etag, lastModified }),
    }
  } catch (error) {
    await rm(file, { force: true })
    throw error
  }
}
