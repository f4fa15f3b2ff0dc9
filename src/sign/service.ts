import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { XbuildError } from '../errors.ts'
import { createAgents } from '../host/http/agents.ts'
import { createHttp, type SendHttp } from '../host/http/send.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Requests to the services that a signature without a key needs. */
export interface SignService {
  /** The body of a good answer. Throws AUTH for 401 and 403, REGISTRY for other refusals and no answer at all. */
  ask(request: ServiceRequest): Promise<Buffer>
  close(): void
}

export interface ServiceRequest {
  /** What is asked, for people. */
  readonly what: string
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  /** Absent: it is read only. */
  readonly body?: Buffer
  readonly signal: AbortSignal
}

const MAX_ANSWER = 1 << 20
const TRIES = 3
/** Milliseconds before it is tried again, and without a byte until a service is given up. */
const PAUSE = 200
const PATIENCE = 30_000

export function createSignService(env: Environment): SignService {
  const agents = createAgents({ env, reach: 'all' })
  const send = createHttp({ agents, idleTimeout: PATIENCE })
  return {
    async ask(request) {
      for (let attempt = 1; ; attempt++) {
        const found = await once(send, request)
        if (found.kind === 'answer') return found.body
        if (!found.again || attempt === TRIES) throw found.error
        await sleep(PAUSE * attempt, undefined, { signal: request.signal })
      }
    },
    close: () => agents.close(),
  }
}

/** A path below the address of a service. */
export function below(base: string, path: string): URL {
  return new URL(path, base.endsWith('/') ? base : `${base}/`)
}

type Outcome =
  | { readonly kind: 'answer'; readonly body: Buffer }
  | { readonly kind: 'failure'; readonly error: XbuildError; readonly again: boolean }

async function once(send: SendHttp, { what, url, headers = {}, body, signal }: ServiceRequest): Promise<Outcome> {
  const failure = (state: string, again: boolean, details: { cause?: unknown; code?: 'AUTH' } = {}): Outcome => ({
    kind: 'failure',
    again,
    error: new XbuildError(details.code ?? 'REGISTRY', `Cannot sign without a key: ${what} ${state}`, details),
  })
  try {
    const response = await send({
      method: body ? 'POST' : 'GET',
      url,
      headers,
      ...(body
        ? { body: { length: body.length, open: async () => Readable.from([body], { objectMode: false }) } }
        : {}),
      signal,
    })
    const bytes = await readUpTo(response)
    const { statusCode: status = 0 } = response
    if (status >= 200 && status < 300) return { kind: 'answer', body: bytes }
    const said = bytes.toString().replaceAll(/\s+/g, ' ').trim().slice(0, 300)
    const code = status === 401 || status === 403 ? { code: 'AUTH' as const } : {}
    return failure(`at ${url.host} answers with ${status}: ${said}`, status === 429 || status >= 500, code)
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    if (cause instanceof XbuildError) throw cause
    return failure(`at ${url.host} cannot be reached: ${(cause as Error).message}`, true, { cause })
  }
}

async function readUpTo(response: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += chunk.length
    if (size > MAX_ANSWER) throw new Error(`its answer has more than ${MAX_ANSWER} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
