import { Agent, type AgentOptions, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import type DockerModem from 'docker-modem'
import type Dockerode from 'dockerode'
import { compact } from '../../compact.ts'
import { XbuildError, type ErrorFacts } from '../../errors.ts'
import type { Dial } from '../dial.ts'
import { connectionFailure, unreachable } from '../connection-failure.ts'

/** An engine with Docker's API, on any way to it. */
export interface DockerEngine {
  readonly endpoint: string
  readonly api: Dockerode
  /** Asks to go over from HTTP/1.1 to another protocol; gives back the connection. Throws NODE. */
  hijack(
    path: string,
    headers: Readonly<Record<string, string | readonly string[]>>,
    signal: AbortSignal,
  ): Promise<Duplex>
  /** Starts an exec that was made; gives back its connection. Throws NODE. */
  start(exec: string, signal: AbortSignal): Promise<Duplex>
  close(): Promise<void>
}

/** dockerode takes a while to load: only who talks to an engine does. */
export async function loadDockerApi(): Promise<typeof Dockerode> {
  return (await import('dockerode')).default
}

/** Opens the API of the engine that `dial` reaches, and closes that way with it. */
export async function openDockerEngine(dial: Dial): Promise<DockerEngine> {
  const Docker = await loadDockerApi()
  const agent = new DialAgent(dial)
  const api = new Docker({ host: 'docker', port: 80, protocol: 'http', agent } as Dockerode.DockerOptions)
  tellStreams(api.modem)
  return {
    endpoint: dial.endpoint,
    api,
    hijack: (path, headers, signal) => hijack(api, dial.endpoint, { path, headers, signal }),
    start: (exec, signal) =>
      hijack(api, dial.endpoint, {
        path: `/exec/${exec}/start?`,
        headers: {},
        body: { Detach: false, Tty: false },
        signal,
      }),
    async close() {
      agent.destroy()
      await dial.close()
    },
  }
}

function hijack(
  api: Dockerode,
  endpoint: string,
  {
    path,
    headers,
    body,
    signal,
  }: {
    readonly path: string
    readonly headers: Readonly<Record<string, string | readonly string[]>>
    readonly body?: object
    readonly signal: AbortSignal
  },
): Promise<Duplex> {
  signal.throwIfAborted()
  // Once the connection is there it belongs to the caller: `signal` must not end it any more
  const asking = new AbortController()
  const abort = () => asking.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const settings = {
    path,
    method: 'POST',
    hijack: true,
    abortSignal: asking.signal,
    headers: { ...headers },
    statusCodes: { 200: true },
    ...compact({ options: body && { _query: {}, _body: body } }),
  } as unknown as DockerModem.DialOptions // whose type knows no lists in headers
  return new Promise<Duplex>((resolve, reject) => {
    api.modem.dial(settings, (error: unknown, connection: unknown) => {
      if (error) reject(signal.aborted ? signal.reason : engineFailure(endpoint, error))
      else if (!isDuplex(connection)) reject(unreachable(endpoint, `it does not upgrade the connection at ${path}`))
      else resolve(connection)
    })
  }).finally(() => signal.removeEventListener('abort', abort))
}

/** What a call of the engine's API failed with, as an error of the node. */
export function engineFailure(endpoint: string, error: unknown): XbuildError {
  if (error instanceof XbuildError) return error
  const { statusCode, json } = error as { statusCode?: number; json?: { message?: string } | null }
  if (statusCode === undefined) return connectionFailure(endpoint, error)
  const said = json?.message ?? (error as Error).message
  return new XbuildError('NODE', `Cannot use node "${endpoint}": ${said.trim().replace(/\.$/, '')}`, {
    cause: error,
    facts: otherPlatformIn(said),
  })
}

/** Whether an engine says that an image is of another platform. */
export function otherPlatformIn(said: string): ErrorFacts {
  return { otherPlatform: /does not match the specified platform/.test(said) }
}

function isDuplex(value: unknown): value is Duplex {
  return typeof value === 'object' && value !== null && 'write' in value && 'read' in value
}

/** More bytes than this have no answer that is read as a whole. */
const MAX_ANSWER = 4 << 20

/** docker-modem reads answers that are no streams, and those that refuse, as a whole: nobody else knows which. */
function tellStreams(modem: unknown): void {
  const own = modem as { buildRequest(options: object, context: { isStream?: boolean }, ...rest: unknown[]): void }
  const build = own.buildRequest.bind(own)
  own.buildRequest = (options, context, ...rest) =>
    build({ ...options, isStream: context.isStream === true }, context, ...rest)
}

/** Ends an answer that is to be read as a whole when it becomes too long. */
function limitAnswer(response: IncomingMessage, isStream: boolean): void {
  if (isStream && (response.statusCode ?? 0) < 300) return
  let size = 0
  response.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > MAX_ANSWER) response.destroy(new Error(`it answers with more than ${MAX_ANSWER} bytes`))
  })
}

/** Connections of Docker's API over any way; idle ones are kept for the next call. */
class DialAgent extends Agent {
  readonly #dial: Dial
  readonly #stop = new AbortController()

  constructor(dial: Dial) {
    // Without a server name Node looks for one in the address, with an expression that takes it milliseconds to compile
    super({ keepAlive: true, maxFreeSockets: 2, servername: '' } as AgentOptions)
    this.#dial = dial
  }

  /** docker-modem describes every call at length, agent and all, for a log that nobody asked for. */
  [inspect.custom](): string {
    return 'DialAgent'
  }

  // Node's types know nothing of it
  addRequest(request: ClientRequest, options: { isStream?: boolean }): void {
    request.once('response', (response: IncomingMessage) => limitAnswer(response, options.isStream === true))
    const inherited = Agent.prototype as unknown as { addRequest(request: ClientRequest, options: object): void }
    inherited.addRequest.call(this, request, options)
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    this.#dial.connect(this.#stop.signal).then(
      (stream) => callback?.(null, asSocket(stream)),
      (error: Error) => callback?.(error, undefined as never),
    )
    return undefined
  }

  override destroy(): void {
    this.#stop.abort()
    super.destroy()
  }
}

/** Node's HTTP client calls what only sockets have. */
function asSocket(stream: Duplex): Duplex {
  const nothing = () => stream
  for (const name of ['setKeepAlive', 'setNoDelay', 'setTimeout', 'ref', 'unref']) {
    if (!(name in stream)) Object.defineProperty(stream, name, { value: nothing })
  }
  return stream
}
