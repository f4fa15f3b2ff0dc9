import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Transport } from '../../transport.ts'
import type { GrpcClient } from '../grpc/client.ts'
import { serveGrpc, type Served } from '../grpc/server.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'
import { openTunnel } from './tunnel.ts'

/** A session with a daemon: what it may ask of us while it builds. */
export interface Session {
  readonly id: string
  /** Resolves when the session is gone, or the daemon has not answered for too long. */
  readonly gone: Promise<GrpcFailure>
  close(): void
}

export interface SessionOptions {
  readonly transport: Transport
  readonly client: GrpcClient
  readonly services: readonly Served[]
  /** Same for trees that are versions of one another: the daemon keeps them by it. */
  readonly sharedKey: string
  readonly onFailure: (error: unknown) => void
  readonly signal: AbortSignal
}

/** Milliseconds between two questions whether the daemon is still there, and how long it may take to answer. */
const PING = { every: 5_000, within: 20_000 }

/** Opens a session: through the engine's own door where there is one, else through the control connection. */
export async function openSession({
  transport,
  client,
  services,
  sharedKey,
  onFailure,
  signal,
}: SessionOptions): Promise<Session> {
  const id = newId()
  const headers = {
    'X-Docker-Expose-Session-Uuid': id,
    'X-Docker-Expose-Session-Name': 'xbuild',
    'X-Docker-Expose-Session-Sharedkey': sharedKey,
    'X-Docker-Expose-Session-Grpc-Method': services.map(({ path }) => path),
  }
  const duplex: Duplex = transport.session ? await transport.session(headers, signal) : openTunnel(client, headers)
  const server = serveGrpc(duplex, services, onFailure)
  const silent = watch(server.ping)
  const gone = Promise.race([
    server.gone.then(() => new GrpcFailure(GRPC.unavailable, 'the session was closed')),
    silent.failure,
  ])
  void gone.finally(silent.stop)
  return {
    id,
    gone,
    close() {
      silent.stop()
      server.close()
    },
  }
}

// The daemon is the client of this connection, and clients of gRPC answer every ping; as a server it would take offence
function watch(ping: () => Promise<void>): { readonly failure: Promise<GrpcFailure>; stop(): void } {
  let timer: NodeJS.Timeout
  let stopped = false
  const failure = new Promise<GrpcFailure>((resolve) => {
    function round(): void {
      const late = setTimeout(
        () => resolve(new GrpcFailure(GRPC.unavailable, `it has not answered for ${PING.within / 1000} seconds`)),
        PING.within,
      )
      timer = late
      ping().then(
        () => {
          clearTimeout(late)
          if (stopped) return
          timer = setTimeout(round, PING.every)
          timer.unref()
        },
        () => clearTimeout(late), // the connection is gone, which is heard of otherwise
      )
    }
    timer = setTimeout(round, PING.every)
    timer.unref()
  })
  return {
    failure,
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** An id that nothing else has: of sessions, of builds. */
export function newId(): string {
  return BigInt(`0x${randomBytes(16).toString('hex')}`)
    .toString(36)
    .padStart(25, '0')
}
