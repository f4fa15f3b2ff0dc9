import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A file that the server has. */
export interface ServedFile {
  readonly body: string | Uint8Array
  /** HTTP date. */
  readonly lastModified?: string
  /** Without an ETag the server sends the file again each time. */
  readonly etag?: boolean
}

/** A real HTTP server on the loopback interface. */
export interface FileServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  /** Files by path, `/name`; a function answers itself. */
  readonly files: Map<string, ServedFile | RequestListener>
  /** `GET /name 200` and so on, in order. */
  readonly log: string[]
  close(): Promise<void>
}

/** Starts a server; it answers conditional requests as servers of files do. */
export async function startFileServer(): Promise<FileServer> {
  const files: FileServer['files'] = new Map()
  const log: string[] = []
  const server = createServer((request, response) => {
    response.once('finish', () => log.push(`${request.method} ${request.url} ${response.statusCode}`))
    const path = (request.url ?? '').replace(/\?.*$/, '')
    const exact = files.get(path) ?? [...files].find(([prefix]) => prefix.endsWith('/') && path.startsWith(prefix))?.[1]
    if (exact === undefined) return void response.writeHead(404).end('not here')
    if (typeof exact === 'function') return void exact(request, response)
    serve(exact, request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    log,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function serve(
  { body, lastModified, etag = true }: ServedFile,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const tag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`
  const headers = { ...(etag ? { etag: tag } : {}), ...(lastModified ? { 'last-modified': lastModified } : {}) }
  if (etag && request.headers['if-none-match'] === tag) return void response.writeHead(304, headers).end()
  response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}
