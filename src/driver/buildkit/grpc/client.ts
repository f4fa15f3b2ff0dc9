import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { carrierOf } from './carrier.ts'
import { createWriter, encode, readMessages, WINDOW } from './messages.ts'
import { GrpcFailure, GRPC, readStatus } from './status.ts'

/** Names and values that go with a call; a value that is a list is a header of its own for each. */
export type CallMetadata = Readonly<Record<string, string | readonly string[]>>

export interface CallOptions {
  readonly metadata?: CallMetadata
  /** Ends the call, which the server is told. */
  readonly signal?: AbortSignal
}

/** A call whose messages go both ways. */
export interface OpenCall<I extends DescMessage, O extends DescMessage> {
  readonly messages: AsyncIterable<MessageShape<O>>
  /** Resolves when more may be sent. */
  send(message: MessageInitShape<I>): Promise<void>
  /** No more will be sent. */
  end(): void
  cancel(): void
  /** Settles when the call has ended; rejects with a `GrpcFailure`. */
  readonly ended: Promise<void>
}

/**
 * A connection to a gRPC server; many calls share it. All failures are `GrpcFailure`s, of code unavailable when the
 * connection broke.
 */
export interface GrpcClient {
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<MessageShape<O>>
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): AsyncIterable<MessageShape<O>>
  open<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    options?: CallOptions,
  ): OpenCall<I, O>
  /** Resolves when the connection is gone, with the reason. */
  readonly gone: Promise<GrpcFailure>
  close(): void
}

/** Milliseconds that a peer has for its first words. */
const FIRST_WORDS = 20_000

/** Speaks gRPC on a connection on which the peer is a server that knows it (HTTP/2 with prior knowledge). */
export async function connectGrpc(
  duplex: Duplex,
  { authority, signal }: { authority?: string | undefined; signal: AbortSignal },
): Promise<GrpcClient> {
  const session = connect(authority === undefined ? 'http://localhost' : `https://${authority}`, {
    createConnection: () => carrierOf(duplex),
    settings: { initialWindowSize: WINDOW, enablePush: false },
    maxSessionMemory: 1000,
  })
  const close = () => {
    session.destroy()
    duplex.destroy()
  }
  // A session over a stream that is not a plain socket can end without a word: the stream itself is watched too
  const gone = new Promise<GrpcFailure>((resolve) => {
    const end = (state: string) => (cause?: unknown) =>
      resolve(new GrpcFailure(GRPC.unavailable, cause instanceof Error ? cause.message : state, { cause }))
    session
      .on('error', end('the connection broke'))
      .on('close', end('the connection was closed'))
      .on('goaway', end('the server closes the connection'))
    duplex.on('error', end('the connection broke')).on('close', end('the connection was closed'))
  })
  try {
    await firstWords(session, gone, signal)
  } catch (error) {
    close()
    throw error
  }
  session.setLocalWindowSize(WINDOW)
  return createClient(session, gone, close)
}

async function firstWords(session: ClientHttp2Session, gone: Promise<GrpcFailure>, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let abort: (() => void) | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      session.once('remoteSettings', () => resolve())
      void gone.then(reject)
      timer = setTimeout(
        () => reject(new GrpcFailure(GRPC.unavailable, `no answer in ${FIRST_WORDS / 1000} seconds`)),
        FIRST_WORDS,
      )
      abort = () => reject(new GrpcFailure(GRPC.canceled, 'canceled'))
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort)
    })
  } finally {
    clearTimeout(timer)
    if (abort) signal.removeEventListener('abort', abort)
  }
}

function createClient(session: ClientHttp2Session, gone: Promise<GrpcFailure>, close: () => void): GrpcClient {
  function start(
    method: { readonly parent: { readonly typeName: string }; readonly name: string },
    options: CallOptions = {},
  ) {
    const headers = {
      ':method': 'POST',
      ':path': `/${method.parent.typeName}/${method.name}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'xbuild',
    }
    const metadata = Object.fromEntries(
      Object.entries(options.metadata ?? {}).map(([name, value]) => [
        name.toLowerCase(),
        typeof value === 'string' ? value : [...value],
      ]),
    )
    let stream: ClientHttp2Stream
    try {
      stream = session.request({ ...headers, ...metadata })
    } catch (cause) {
      throw new GrpcFailure(GRPC.unavailable, (cause as Error).message, { cause })
    }
    let given = false
    const abort = () => {
      given = true
      stream.close(constants.NGHTTP2_CANCEL)
    }
    if (options.signal?.aborted) abort()
    options.signal?.addEventListener('abort', abort)
    const ended = endOf(stream, { gone, isGivenUp: () => given }).finally(() =>
      options.signal?.removeEventListener('abort', abort),
    )
    ended.catch(() => {}) // whoever waits for it is told
    return { stream, ended, cancel: abort }
  }

  return {
    async unary(method, request, options) {
      const { stream, ended } = start(method, options)
      stream.end(encode(method.input, request))
      let answer: MessageShape<typeof method.output> | undefined
      try {
        for await (const message of readMessages(stream, method.output)) answer = message
      } catch (error) {
        await ended
        throw error
      }
      await ended
      if (!answer) throw new GrpcFailure(GRPC.internal, `${method.name} ended without an answer`)
      return answer
    },
    async *stream(method, request, options) {
      const { stream, ended, cancel } = start(method, options)
      stream.end(encode(method.input, request))
      let whole = false
      try {
        yield* readMessages(stream, method.output)
        whole = true
      } catch (error) {
        await ended
        throw error
      } finally {
        if (!whole) cancel()
      }
      await ended
    },
    open(method, options) {
      const { stream, ended, cancel } = start(method, options)
      const write = createWriter(stream)
      return {
        messages: readMessages(stream, method.output),
        send: (message) => write(encode(method.input, message)),
        end: () => void stream.end(),
        cancel,
        ended,
      }
    },
    gone,
    close,
  }
}

/** Settles with the status of a call when its stream is closed, or when the connection is gone. */
function endOf(
  stream: ClientHttp2Stream,
  { gone, isGivenUp }: { gone: Promise<GrpcFailure>; isGivenUp: () => boolean },
): Promise<void> {
  let first: IncomingHttpHeaders = {}
  let last: IncomingHttpHeaders | undefined
  let broken: Error | undefined
  stream
    .on('response', (headers) => (first = headers))
    .on('trailers', (headers) => (last = headers))
    .on('error', (error) => (broken = error))
  return new Promise((resolve, reject) => {
    stream.on('close', () => {
      const status = readStatus(last ?? first)
      if (status === 'ok') return resolve()
      if (status) return reject(status)
      if (isGivenUp()) return reject(new GrpcFailure(GRPC.canceled, 'canceled'))
      const state =
        first[':status'] === undefined || Number(first[':status']) === 200
          ? 'the call ended without a status'
          : `the server answered with HTTP status ${first[':status']}`
      reject(new GrpcFailure(GRPC.unavailable, broken?.message ?? state, { cause: broken }))
    })
    void gone.then((failure) => {
      // Streams of a connection that is gone may never be closed
      setImmediate(() => {
        reject(failure)
        if (!stream.destroyed) stream.destroy()
      })
    })
  })
}
