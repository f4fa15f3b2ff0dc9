import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** GitHub's cache service in this process, as strict as the real one: entries never change, addresses are signed. */
export interface GhaCache {
  /** Value of ACTIONS_RESULTS_URL. */
  readonly url: string
  readonly token: string
  /** Finished entries by key, oldest first. */
  readonly entries: ReadonlyMap<string, Buffer>
  /** Answers to give instead, first come first served. */
  readonly failures: number[]
  /** What goes wrong until it is taken away: with calls, whose methods are named, or with `blob` for bytes. */
  readonly faults: Map<string, Fault>
  /** Names of calls that were made, and `blob` with its method, in their order. */
  readonly calls: string[]
  /** Removes entries whose names begin so, as the service does when it is full. */
  evict(prefix: string): void
  /** Bytes that went over its connections, both ways. */
  traffic(): number
  stop(): Promise<void>
}

/** A status; no answer; a byte now and then; an answer that is no answer; an end in the middle. */
export type Fault = number | 'hang' | 'trickle' | 'garbage' | 'cut'

interface Entry {
  readonly version: string
  readonly bytes: Buffer
}

export async function startGhaCache(): Promise<GhaCache> {
  const token = 'a-token-of-the-tests'
  const finished = new Map<string, Entry>()
  const reserved = new Map<string, { version: string; bytes?: Buffer }>()
  const failures: number[] = []
  const faults = new Map<string, Fault>()
  const calls: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    const failure = failures.shift()
    if (failure !== undefined) return void response.writeHead(failure).end('not now')
    const url = new URL(request.url ?? '', origin)
    const what = url.pathname.startsWith('/blob/') ? 'blob' : url.pathname.split('/').at(-1)!
    calls.push(what === 'blob' ? `blob ${request.method}` : what)
    const fault = faults.get(what)
    if (fault !== undefined) return misbehave(response, fault)
    if (url.pathname.startsWith('/blob/')) return serveBlob(request, response, url, body)
    const method = /^\/twirp\/github\.actions\.results\.api\.v1\.CacheService\/(\w+)$/.exec(url.pathname)?.[1]
    if (request.method !== 'POST' || !method || request.headers['content-type'] !== 'application/json')
      return void response.writeHead(404).end()
    if (request.headers.authorization !== `Bearer ${token}`)
      return void response.writeHead(401).end('{"code":"unauthenticated","msg":"no"}')
    const message = JSON.parse(body.toString()) as {
      key: string
      version: string
      restore_keys?: string[]
      size_bytes?: string
    }
    if (!/^[0-9a-f]{64}$/.test(message.version) || message.key.length > 512 || message.key.includes(','))
      return void response.writeHead(400).end()
    const answer = methods[method]?.(message)
    if (answer === 'conflict')
      return void response.writeHead(409).end('{"code":"already_exists","msg":"cache entry with the same key exists"}')
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? { ok: false }))
  }

  const methods: Record<
    string,
    (message: { key: string; version: string; restore_keys?: string[]; size_bytes?: string }) => object | 'conflict'
  > = {
    CreateCacheEntry({ key, version }) {
      if (finished.has(key) || reserved.has(key)) return 'conflict'
      reserved.set(key, { version })
      return { ok: true, signed_upload_url: signed(key) }
    },
    FinalizeCacheEntryUpload({ key, version, size_bytes }) {
      const entry = reserved.get(key)
      if (entry?.version !== version || entry.bytes?.length !== Number(size_bytes)) return { ok: false, entry_id: '0' }
      finished.set(key, { version, bytes: entry.bytes })
      return { ok: true, entry_id: String(finished.size) }
    },
    GetCacheEntryDownloadURL({ key, version, restore_keys = [] }) {
      const fits = [...finished].filter(([, entry]) => entry.version === version).map(([name]) => name)
      const found =
        fits.find((name) => name === key) ??
        restore_keys.map((prefix) => fits.findLast((name) => name.startsWith(prefix))).find(Boolean)
      return found === undefined
        ? { ok: false, signed_download_url: '', matched_key: '' }
        : { ok: true, signed_download_url: signed(found), matched_key: found }
    },
  }

  function signed(key: string): string {
    return `${origin}/blob/${encodeURIComponent(key)}?sig=secret%2Fsignature%3D`
  }

  /** Azure's block blobs: Put Blob and Get Blob. */
  function serveBlob(request: IncomingMessage, response: ServerResponse, url: URL, body: Buffer): void {
    const key = decodeURIComponent(url.pathname.slice('/blob/'.length))
    if (url.searchParams.get('sig') !== 'secret/signature=' || request.headers.authorization)
      return void response.writeHead(403).end()
    if (request.method === 'PUT') {
      const entry = reserved.get(key)
      if (!entry || request.headers['x-ms-blob-type'] !== 'BlockBlob') return void response.writeHead(400).end()
      entry.bytes = body
      return void response.writeHead(201).end()
    }
    const bytes = finished.get(key)?.bytes
    if (!bytes) return void response.writeHead(404).end()
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const range = start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}
    response
      .writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start, ...range })
      .end(bytes.subarray(start))
  }

  return {
    url: `${origin}/`,
    token,
    get entries() {
      return new Map([...finished].map(([key, { bytes }]) => [key, bytes]))
    },
    failures,
    faults,
    calls,
    evict(prefix) {
      for (const key of finished.keys()) if (key.startsWith(prefix)) finished.delete(key)
    },
    traffic: () => [...sockets].reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, 0),
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function misbehave(response: ServerResponse, fault: Fault): void {
  if (typeof fault === 'number') return void response.writeHead(fault).end('not now')
  if (fault === 'garbage') return void response.writeHead(200).end('<html>Sign in to the network</html>')
  if (fault === 'hang') return
  response.writeHead(200, { 'content-length': 1000 }).write('{')
  if (fault === 'cut') return void setTimeout(() => response.destroy(), 10)
  const timer = setInterval(() => response.write(' '), 50)
  response.once('close', () => clearInterval(timer))
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
