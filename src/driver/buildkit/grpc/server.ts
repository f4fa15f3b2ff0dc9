import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'
import { performServerHandshake, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { carrierOf } from './carrier.ts'
import { createWriter, encode, readMessages, WINDOW, type WriteFrames } from './messages.ts'
import { GrpcFailure, GRPC, statusTrailers } from './status.ts'

/** What came with a call: values in the order in which they came, never joined. */
export interface Metadata {
  one(name: string): string | undefined
  all(name: string): readonly string[]
}

/** A call that a service answers with a stream. */
export interface ServedCall<I extends DescMessage, O extends DescMessage> {
  readonly metadata: Metadata
  readonly requests: AsyncIterable<MessageShape<I>>
  /** Resolves when more may be sent. */
  send(message: MessageInitShape<O>): Promise<void>
  /** Sends messages that are framed already. */
  readonly sendFrames: WriteFrames
}

/** A method of a service, ready to be served. */
export interface Served {
  /** `/package.Service/Method` */
  readonly path: string
  serve(stream: ServerHttp2Stream, metadata: Metadata): Promise<void>
}

/** Serves a method with one request and one answer. A `GrpcFailure` says why there is none. */
export function serveUnary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  answer: (request: MessageShape<I>, metadata: Metadata) => MessageInitShape<O> | Promise<MessageInitShape<O>>,
): Served {
  return {
    path: pathOf(method),
    async serve(stream, metadata) {
      const { value: request } = await readMessages(stream, method.input).next()
      if (!request) throw new GrpcFailure(GRPC.invalidArgument, 'the call has no request')
      await createWriter(stream)(encode(method.output, await answer(request, metadata)))
    },
  }
}

/** Serves a method that answers with a stream of messages. */
export function serveStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodBiDiStreaming<I, O> | DescMethodServerStreaming<I, O>,
  answer: (call: ServedCall<I, O>) => Promise<void>,
): Served {
  return {
    path: pathOf(method),
    serve(stream, metadata) {
      const write = createWriter(stream)
      return answer({
        metadata,
        requests: readMessages(stream, method.input),
        send: (message) => write(encode(method.output, message)),
        sendFrames: write,
      })
    },
  }
}

/** A connection on which we are the server. */
export interface GrpcServer {
  /** Resolves when the connection is gone. */
  readonly gone: Promise<void>
  /** Resolves when the peer has answered; rejects when it cannot. */
  ping(): Promise<void>
  close(): void
}

/** Answers calls that come over a connection. `onFailure` hears of every answer that failed. */
export function serveGrpc(
  duplex: Duplex,
  services: readonly Served[],
  onFailure: (error: unknown) => void,
): GrpcServer {
  const session = performServerHandshake(carrierOf(duplex), {
    settings: { initialWindowSize: WINDOW },
    maxSessionMemory: 1000,
  })
  // Daemons look methods up without regard to case
  const table = new Map(services.map((service) => [service.path.toLowerCase(), service]))
  const gone = new Promise<void>((resolve) => {
    for (const emitter of [session, duplex]) emitter.on('error', () => resolve()).on('close', () => resolve())
  })
  session.setLocalWindowSize(WINDOW)
  session.on(
    'stream',
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: readonly string[]) => {
      stream.on('error', () => {}) // the peer gave up; whoever writes is told
      void answer(stream, table.get(String(headers[':path']).toLowerCase()), metadataOf(rawHeaders), onFailure)
    },
  )
  return {
    gone,
    ping: () =>
      new Promise((resolve, reject) => {
        if (session.destroyed) return reject(new GrpcFailure(GRPC.unavailable, 'the connection was closed'))
        session.ping((error) => (error ? reject(error) : resolve()))
      }),
    close() {
      session.destroy()
      duplex.destroy()
    },
  }
}

async function answer(
  stream: ServerHttp2Stream,
  service: Served | undefined,
  metadata: Metadata,
  onFailure: (error: unknown) => void,
): Promise<void> {
  let trailers = statusTrailers()
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  try {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    if (!service) throw new GrpcFailure(GRPC.unimplemented, 'unknown method')
    await service.serve(stream, metadata)
  } catch (error) {
    trailers = statusTrailers(
      error instanceof GrpcFailure
        ? error
        : { code: GRPC.unknown, message: error instanceof Error ? error.message : String(error) },
    )
    if (!stream.destroyed) onFailure(error)
  }
  if (stream.destroyed) return
  stream.end()
  stream.resume() // what is not read would keep the stream open
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`
}

// `headers` of node:http2 joins the values of a name with commas, which values may hold themselves
function metadataOf(raw: readonly string[]): Metadata {
  const values = new Map<string, string[]>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const known = values.get(raw[at]!)
    if (known) known.push(raw[at + 1]!)
    else values.set(raw[at]!, [raw[at + 1]!])
  }
  return { one: (name) => values.get(name)?.[0], all: (name) => values.get(name) ?? [] }
}
