import type { IncomingMessage } from 'node:http'
import { compact } from '../compact.ts'
import { type ErrorCode, type ErrorDetails, XbuildError, toXbuildError } from '../errors.ts'
import { SourceError } from '../host/http/send.ts'

/**
 * Whether asking again may help: `final` never, `transient` probably, `unreachable` sometimes and only a little;
 * `doubtful` is an answer that contradicts itself or an earlier one: once more or twice.
 */
export type Transience = 'final' | 'transient' | 'unreachable' | 'doubtful'

/** An error that knows whether the request behind it is worth another try. */
export class RegistryFailure extends XbuildError {
  readonly transience: Transience
  readonly status: number | undefined
  /** Milliseconds that the registry asks to wait. */
  readonly retryAfter: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetails & { transience: Transience; status?: number | undefined; retryAfter?: number | undefined },
  ) {
    super(code, message, details)
    this.transience = details.transience
    this.status = details.status
    this.retryAfter = details.retryAfter
  }
}

const MAX_ERROR_BODY = 64 * 1024

/** The error for an answer with an unwanted status; reads the registry's own words (distribution-spec, error codes). */
export async function answerFailure(what: string, host: string, response: IncomingMessage): Promise<RegistryFailure> {
  const status = response.statusCode ?? 0
  const body = await readUpTo(response, MAX_ERROR_BODY).catch(() => Buffer.alloc(0))
  const words = registryWords(body.toString())
  const transient =
    status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505)
  const code: ErrorCode = status === 401 || status === 403 ? 'AUTH' : status === 404 ? 'NOT_FOUND' : 'REGISTRY'
  return new RegistryFailure(code, `Cannot ${what}: ${host} answered ${status}${words ? ` ${words}` : ''}`, {
    transience: transient ? 'transient' : 'final',
    status,
    facts: { httpStatus: status },
    ...(transient ? { retryAfter: parseRetryAfter(response.headers['retry-after']) } : {}),
    ...compact({ hint: hintOf(status, words) }),
  })
}

/** What helps; a registry says in JSON why it refuses (distribution-spec, error codes), and knows all methods. */
function hintOf(status: number, words: string): string | undefined {
  if (status === 429) return 'Log in for a higher limit, or name a mirror under registries in xbuild.yaml'
  if ((status === 405 || status === 501) && !words) return 'Check that a registry answers at this host and port'
  return undefined
}

const UNREACHABLE =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ETIMEDOUT|EADDRNOTAVAIL)$/
const BROKEN = /^(?:ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE|ERR_STREAM_DESTROYED|IDLE)$/
const TLS = /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS|ERR_SSL|EPROTO|HOSTNAME_MISMATCH)/

/** The error for a connection that failed; an aborted signal makes it CANCELED, an unreadable source its own error. */
export function networkFailure(what: string, host: string, error: unknown, signal: AbortSignal): XbuildError {
  if (signal.aborted) return new XbuildError('CANCELED', `Canceled: ${what}`)
  if (error instanceof SourceError) return toXbuildError(error.cause)
  if (error instanceof XbuildError) return error
  const { code = '', message }: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error))
  if (UNREACHABLE.test(code)) {
    const state = code === 'ENOTFOUND' ? 'host name not found' : code === 'ECONNREFUSED' ? 'connection refused' : code
    return new RegistryFailure('REGISTRY', `Cannot ${what}: ${host} cannot be reached: ${state}`, {
      transience: 'unreachable',
      facts: { state: `${host} cannot be reached: ${state}` },
      cause: error,
      hint: 'Check the network, the host name and HTTP_PROXY, HTTPS_PROXY, NO_PROXY; or name a mirror under registries in xbuild.yaml',
    })
  }
  if (BROKEN.test(code)) {
    const state = code === 'IDLE' ? 'stopped responding' : 'closed the connection'
    return new RegistryFailure('REGISTRY', `Cannot ${what}: ${host} ${state}`, {
      transience: 'transient',
      facts: { state: `${host} ${state}` },
      cause: error,
    })
  }
  return new RegistryFailure('REGISTRY', `Cannot ${what}: ${host}: ${clean(message)}`, {
    transience: 'final',
    facts: { state: `${host}: ${clean(message)}` },
    cause: error,
    ...(TLS.test(code)
      ? {
          hint: `For this host set ca: FILE (its own authority), insecure: true or http: true under registries in xbuild.yaml`,
        }
      : {}),
  })
}

/** Reads a whole body, but never more than `limit` bytes. */
export async function readUpTo(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    if ((size += chunk.length) > limit) break
  }
  return Buffer.concat(chunks)
}

/**
 * Throws away a body that should be small, so that its connection can be used again; ends the connection when it is
 * not small.
 */
export function discard(response: IncomingMessage): void {
  let size = 0
  response.on('error', () => {})
  response.on('data', (chunk: Buffer) => {
    if ((size += chunk.length) > MAX_ERROR_BODY) response.destroy()
  })
}

function registryWords(body: string): string {
  try {
    const { errors } = JSON.parse(body) as { errors?: { code?: unknown; message?: unknown }[] }
    const parts = (Array.isArray(errors) ? errors : []).map(({ code, message }) =>
      [code, message].filter(Boolean).join(': '),
    )
    return clean(parts.join('; '))
  } catch {
    return ''
  }
}

/** Seconds or an HTTP date (RFC 9110 section 10.2.3), as milliseconds from now. */
function parseRetryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const until = Date.parse(header)
  return Number.isNaN(until) ? undefined : Math.max(0, until - Date.now())
}

function clean(text: string): string {
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim()
  return plain.length > 300 ? `${plain.slice(0, 300)}...` : plain
}
