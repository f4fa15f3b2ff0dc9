import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import type { Readable } from 'node:stream'
import { compact } from '../../compact.ts'
import { type Agents, proxyAuthorization } from './agents.ts'

/** One HTTP request; a body is opened anew each time the request is sent. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: HttpBody
  readonly signal: AbortSignal
}

/** Exactly `length` bytes. */
export interface HttpBody {
  readonly length: number
  open(): Promise<Readable>
}

/** Sends a request and gives back the answer as soon as its head is there; follows nothing, judges nothing. */
export type SendHttp = (request: HttpRequest) => Promise<IncomingMessage>

/** Thrown into a request whose body cannot be read: not the other side's fault, so never tried again. */
export class SourceError extends Error {
  constructor(cause: unknown) {
    super('Cannot read the content to send', { cause })
  }
}

// A registry may take long to store a blob after its last byte has arrived
const UPLOAD_PATIENCE = 5

/** Sends through the pools of `agents`; `idleTimeout` (milliseconds) without a byte ends a request. */
export function createHttp(options: { agents: Agents; idleTimeout: number }): SendHttp {
  return async function send(request) {
    const { agent, proxy } = options.agents.route(request.url)
    const source = request.body && (await opened(request.body))
    const open = secure(proxy ?? request.url) ? process.getBuiltinModule('node:https').request : httpRequest
    const outgoing = open(proxy ?? request.url, {
      method: request.method,
      agent,
      signal: request.signal,
      headers: {
        host: request.url.host,
        'user-agent': 'xbuild',
        'accept-encoding': 'identity',
        ...compact({ 'content-length': request.body && String(request.body.length) }),
        ...(request.method === 'POST' && !request.body ? { 'content-length': '0' } : {}),
        ...(proxy ? proxyAuthorization(proxy) : {}),
        ...request.headers,
      },
      ...(proxy ? { path: request.url.href.replace(/#.*$/, '') } : {}),
    })
    endWhenIdle(outgoing, options.idleTimeout * (source ? UPLOAD_PATIENCE : 1))
    try {
      return await answered(outgoing, source)
    } catch (error) {
      // The other side may close an idle connection just when we take it out of the pool: nothing was asked yet
      const stale =
        outgoing.reusedSocket && ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')
      if (stale && !source && !request.signal.aborted) return send(request)
      throw error
    }
  }
}

/** Bytes that move at least in the time after which silence ends a request; and heads that come before an answer. */
const SLOWEST = 256
const MOST_HEADS = 100

/** Ends a request in silence, and one whose answer comes a byte at a time, or never after all that is said before it. */
function endWhenIdle(outgoing: ClientRequest, period: number): void {
  const end = () => void outgoing.destroy(Object.assign(new Error('idle'), { code: 'IDLE' }))
  outgoing.setTimeout(period, end)
  let heads = 0
  outgoing.on('information', () => ++heads > MOST_HEADS && end())
  let before: number | undefined
  const timer = setInterval(() => {
    const { bytesRead = 0, bytesWritten = 0 } = outgoing.socket ?? {}
    const moved = bytesRead + bytesWritten
    if (before !== undefined && moved - before < SLOWEST) end()
    before = moved
  }, period).unref()
  outgoing.once('close', () => clearInterval(timer))
}

function answered(outgoing: ClientRequest, source: Readable | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject)
    outgoing.once('response', (response) => {
      if (source && !outgoing.writableEnded) {
        // An answer before the end of the body is a refusal; the rest need not be sent
        source.unpipe(outgoing)
        source.destroy()
        response.once('close', () => outgoing.destroy())
      }
      resolve(response)
    })
    if (!source) return void outgoing.end()
    source.once('error', (cause) => outgoing.destroy(new SourceError(cause)))
    outgoing.once('close', () => source.destroy())
    source.pipe(outgoing)
  })
}

async function opened(body: HttpBody): Promise<Readable> {
  try {
    return await body.open()
  } catch (cause) {
    throw new SourceError(cause)
  }
}

function secure(url: URL): boolean {
  return url.protocol === 'https:'
}
