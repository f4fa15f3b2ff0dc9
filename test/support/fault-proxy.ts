import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { bodyOf, refuse } from './registry-server.ts'
import { seededBy } from './seeded.ts'

/** What may happen to a request; those of `LATE` happen when the registry has carried it out. */
const EARLY = ['reset', 'stall', 'cut-request', '429', '500', '502', '503', '401'] as const
const LATE = [
  'lost',
  'stalled-answer',
  'cut-answer',
  'short-answer',
  'repeat',
  'late-500',
  'late-503',
  'late-401',
] as const

/** The name of a fault. */
export type Fault = (typeof EARLY)[number] | (typeof LATE)[number]

/** A proxy in front of a registry that does harm to some requests: which ones and how depends on the seed only. */
export interface FaultProxy {
  readonly host: string
  /** Requests so far, and how many faults of each kind. */
  readonly requests: () => number
  readonly faults: ReadonlyMap<Fault, number>
  stop(): Promise<void>
}

/** How much harm is done. */
export interface FaultProxyOptions {
  readonly seed: number
  /** The part of the requests of a path that goes wrong, 0 to 1. */
  readonly rate: (path: string) => number
  /** Up to so many milliseconds a stalled request is held before its connection is cut. */
  readonly stall: number
  /** Told of each request before it is forwarded, and of each answer before it is passed on. */
  readonly onRequest?: (what: string) => void
}

/** Starts the proxy on a free loopback port. */
export async function startFaultProxy(target: string, options: FaultProxyOptions): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const faults = new Map<Fault, number>()
  const counts = new Map<string, number>()
  let requests = 0
  const server = createServer((request, response) => {
    request.on('error', () => {})
    response.on('error', () => {})
    serve(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`

  /** The fault for a request: by its method, path and how often it came, so that other requests change nothing. */
  function faultFor(method: string, url: string): { fault: Fault | undefined; random: () => number } {
    const what = `${method} ${url.replace(/\/uploads\/[^?]+/, '/uploads/ID').replace(/_state=[^&]*/, '')}`
    const count = (counts.get(what) ?? 0) + 1
    counts.set(what, count)
    const random = seededBy(options.seed, `${what} ${count}`)
    if (random() >= options.rate(url)) return { fault: undefined, random }
    const all = [...EARLY, ...LATE]
    const fault = all[Math.floor(random() * all.length)]!
    faults.set(fault, (faults.get(fault) ?? 0) + 1)
    return { fault, random }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request
    requests++
    options.onRequest?.(`${method} ${url}`)
    const { fault, random } = faultFor(method, url)
    if (fault === 'reset') return void response.destroy()
    if (fault === 'stall') return hold(response, random)
    // An answer before the body is read happens, too
    if (fault !== undefined && /^\d/.test(fault)) return answerStatus(fault, response, random)
    const body = await bodyOf(request)
    if (fault === 'cut-request') {
      await forward(request, body, { cut: true }).catch(() => undefined)
      return void response.destroy()
    }
    if (fault === 'repeat') await forward(request, body)
    const answer = await forward(request, body)
    options.onRequest?.(`${method} ${url} answered`)
    if (fault === 'lost') return void response.destroy()
    if (fault === 'stalled-answer') return hold(response, random)
    if (fault?.startsWith('late-')) return answerStatus(fault.slice(5), response, random)
    const length = Number(answer.headers['content-length'] ?? answer.bytes.length)
    if (fault === 'cut-answer') {
      response.writeHead(answer.status, { ...answer.headers, 'content-length': Math.max(1, length) })
      return void response.write(answer.bytes.subarray(0, answer.bytes.length >> 1), () => response.destroy())
    }
    if (fault === 'short-answer' && answer.bytes.length > 0) {
      const half = answer.bytes.subarray(0, answer.bytes.length >> 1)
      return void response.writeHead(answer.status, { ...answer.headers, 'content-length': half.length }).end(half)
    }
    response.writeHead(answer.status, answer.headers).end(method === 'HEAD' ? undefined : answer.bytes)
  }

  async function hold(response: ServerResponse, random: () => number): Promise<void> {
    await Promise.race([delay(options.stall * random()), once(response, 'close')])
    response.destroy()
  }

  async function forward(
    request: IncomingMessage,
    body: Buffer,
    { cut = false } = {},
  ): Promise<{ status: number; headers: IncomingMessage['headers']; bytes: Buffer }> {
    const headers = { ...request.headers, 'content-length': String(body.length) }
    const outgoing = httpRequest(`http://${target}${request.url}`, { method: request.method, headers, agent })
    if (cut) {
      outgoing.write(body.subarray(0, body.length >> 1), () => outgoing.destroy())
      outgoing.on('error', () => {})
      await once(outgoing, 'close')
      throw new Error('cut')
    }
    outgoing.end(body)
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    const { 'transfer-encoding': _, connection: _c, ...kept } = answer.headers
    // The registry names itself in the places that it gives
    const { location } = kept
    if (location !== undefined) kept.location = location.replace(`http://${target}`, `http://${host}`)
    return { status: answer.statusCode ?? 502, headers: kept, bytes: await bodyOf(answer) }
  }

  return {
    host,
    requests: () => requests,
    faults,
    async stop() {
      server.closeAllConnections()
      server.close()
      agent.destroy()
      await once(server, 'close')
    },
  }
}

function answerStatus(status: string, response: ServerResponse, random: () => number): void {
  if (status === '429')
    response.setHeader('retry-after', random() < 0.5 ? '1' : new Date(Date.now() + 900).toUTCString())
  if (status === '401' && random() < 0.5) response.setHeader('www-authenticate', 'Basic realm="registry"')
  refuse(response, Number(status), status === '401' ? 'UNAUTHORIZED' : 'UNAVAILABLE', 'the proxy says so')
}
