import { once } from 'node:events'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sha256 } from '../../src/oci/digest.ts'

/** What the server was asked, in order. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

/** Answers a request and says true, or leaves it to the next. */
export type Intercept = (request: IncomingMessage, response: ServerResponse, seen: Seen) => boolean | Promise<boolean>

/** A registry in this process, small and obedient; `intercept` makes it misbehave. */
export interface TestRegistry {
  readonly host: string
  readonly seen: Seen[]
  /** Content by `repository@digest` and `repository:tag`. */
  readonly blobs: Map<string, Buffer>
  readonly manifests: Map<string, { type: string; bytes: Buffer }>
  /** Asked first for each request, in order. */
  readonly intercepts: Intercept[]
  stop(): Promise<void>
}

export async function startTestRegistry(): Promise<TestRegistry> {
  const seen: Seen[] = []
  const blobs: TestRegistry['blobs'] = new Map()
  const manifests: TestRegistry['manifests'] = new Map()
  const intercepts: Intercept[] = []
  const server = createServer((request, response) => {
    const entry = { method: request.method ?? '', path: request.url ?? '', headers: request.headers }
    seen.push(entry)
    response.on('error', () => {})
    serve(request, response, entry).catch(() => response.destroy())
  })
  const host = await listen(server)
  return { host, seen, blobs, manifests, intercepts, stop: () => stop(server) }

  async function serve(request: IncomingMessage, response: ServerResponse, entry: Seen): Promise<void> {
    for (const intercept of intercepts) if (await intercept(request, response, entry)) return
    const url = new URL(entry.path, `http://${host}`)
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/(.*)$/.exec(url.pathname)
    if (upload)
      return serveUpload(request, response, {
        repository: upload[1] ?? '',
        session: upload[2] ?? '',
        query: url.searchParams,
      })
    const [, repository = '', kind, name = ''] = /^\/v2\/(.+)\/(blobs|manifests)\/([^/]+)$/.exec(url.pathname) ?? []
    if (kind === 'blobs') return sendBlob(request, response, blobs.get(`${repository}@${name}`))
    if (kind === 'manifests' && request.method === 'PUT') {
      const bytes = await bodyOf(request)
      const manifest = { type: request.headers['content-type'] ?? '', bytes }
      manifests.set(`${repository}:${name}`, manifest)
      manifests.set(`${repository}:${sha256(bytes)}`, manifest)
      return void response.writeHead(201, { 'docker-content-digest': sha256(bytes) }).end()
    }
    const manifest = manifests.get(`${repository}:${name}`)
    if (kind !== 'manifests' || !manifest) return refuse(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown')
    const { type, bytes } = manifest
    const headers = { 'content-type': type, 'content-length': bytes.length, 'docker-content-digest': sha256(bytes) }
    response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : bytes)
  }

  async function serveUpload(
    request: IncomingMessage,
    response: ServerResponse,
    { repository, session, query }: { repository: string; session: string; query: URLSearchParams },
  ): Promise<void> {
    if (request.method === 'POST') {
      const source = blobs.get(`${query.get('from')}@${query.get('mount')}`)
      if (source) {
        blobs.set(`${repository}@${query.get('mount')}`, source)
        return void response.writeHead(201).end()
      }
      return void response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/s1?state=a%2Bb` }).end()
    }
    const bytes = await bodyOf(request)
    const digest = query.get('digest') ?? ''
    if (session !== 's1' || query.get('state') !== 'a+b')
      return refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'no such upload')
    if (sha256(bytes) !== digest)
      return refuse(response, 400, 'DIGEST_INVALID', 'provided digest did not match uploaded content')
    blobs.set(`${repository}@${digest}`, bytes)
    response.writeHead(201, { 'docker-content-digest': digest }).end()
  }
}

/** Sends a blob as registries do, with ranges. */
export function sendBlob(request: IncomingMessage, response: ServerResponse, bytes: Buffer | undefined): void {
  if (!bytes) return refuse(response, 404, 'BLOB_UNKNOWN', 'blob unknown to registry')
  const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const rest = bytes.subarray(start)
  const range = start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': rest.length, ...range })
  response.end(request.method === 'HEAD' ? undefined : rest)
}

/** An error in the registry's own words. */
export function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ errors: [{ code, message }] }))
}

/** A server on a free loopback port that answers with `handler`. */
export async function startServer(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ host: string; stop(): Promise<void> }> {
  const server = createServer(handler)
  return { host: await listen(server), stop: () => stop(server) }
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}
