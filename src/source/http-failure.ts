import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { XbuildError } from '../errors.ts'
import { authorityOf } from './logins.ts'

/** How often a failed download is tried again, and after how long (milliseconds). */
const PAUSES = [500, 1500, 4000]
/** Bodies of refusals and redirects are read up to here, so that their connection can be used again. Bytes. */
const MAX_DISCARDED = 64 * 1024

const PASSING = /^(?:ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE|IDLE|ETIMEDOUT|EAI_AGAIN)$/

/**
 * Runs `attempt` until it gives 200 or 304 and a whole body; tries again what may pass: broken connections, 429, 5xx.
 * `what` follows "Cannot".
 */
export async function askPatiently<T>(what: string, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (signal.aborted) throw new XbuildError('CANCELED', `Canceled: ${what}`, { cause: error })
      const pause = PAUSES[failures]
      if (pause === undefined || !mayPass(error)) throw failure(what, error)
      await delay(pause, undefined, { signal }).catch((cause: unknown) => {
        throw new XbuildError('CANCELED', `Canceled: ${what}`, { cause })
      })
    }
  }
}

/** Passes an answer that has what was asked for; throws for any other. */
export function checkStatus(what: string, url: URL, response: IncomingMessage): IncomingMessage {
  const status = response.statusCode ?? 0
  if (status === 200 || status === 304) return response
  discard(response)
  const login = status === 401 || status === 403
  throw new StatusError(
    status,
    new XbuildError(
      login ? 'AUTH' : status === 404 || status === 410 ? 'NOT_FOUND' : 'REGISTRY',
      `Cannot ${what}: ${url.host} answered ${status}`,
      {
        hint: login
          ? `The file needs a login: give it with --secret id=HTTP_AUTH_TOKEN_${authorityOf(url)},env=VARIABLE`
          : 'Check the URL',
      },
    ),
  )
}

/** Throws away a body that should be small; ends the connection when it is not. */
export function discard(response: IncomingMessage): void {
  let size = 0
  response.on('error', () => {})
  response.on('data', (chunk: Buffer) => {
    if ((size += chunk.length) > MAX_DISCARDED) response.destroy()
  })
}

/** An unwanted answer, with the error that the user gets when asking again does not help. */
class StatusError extends Error {
  readonly status: number
  readonly shown: XbuildError

  constructor(status: number, shown: XbuildError) {
    super(shown.message)
    this.status = status
    this.shown = shown
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof StatusError)
    return error.status === 408 || error.status === 429 || (error.status >= 500 && error.status !== 501)
  return PASSING.test((error as NodeJS.ErrnoException).code ?? '')
}

function failure(what: string, error: unknown): unknown {
  if (error instanceof StatusError) return error.shown
  if (error instanceof XbuildError) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') return error
  const state =
    code === 'ENOTFOUND'
      ? 'host name not found'
      : code === 'ECONNREFUSED'
        ? 'connection refused'
        : code === 'IDLE'
          ? 'the host stopped responding'
          : message
  return new XbuildError('REGISTRY', `Cannot ${what}: ${state}`, {
    cause: error,
    hint: 'Check the URL, the network and HTTP_PROXY, HTTPS_PROXY, NO_PROXY',
  })
}
