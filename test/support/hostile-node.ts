import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Content, WriteAction } from '../../src/driver/buildkit/gen/content_pb.ts'
import { Control, type SolveRequest, type StatusResponseSchema } from '../../src/driver/buildkit/gen/control_pb.ts'
import { LLBBridge } from '../../src/driver/buildkit/gen/gateway_pb.ts'
import { connectGrpc, type GrpcClient } from '../../src/driver/buildkit/grpc/client.ts'
import { serveGrpc, serveStream, serveUnary } from '../../src/driver/buildkit/grpc/server.ts'

/** What a daemon says of a build's steps. */
export type Told = MessageInitShape<typeof StatusResponseSchema>

/** A build that was sent to the node: what it may be asked for, and how it ends. */
export interface SentBuild {
  readonly request: SolveRequest
  /** The session of the build: the node is the client there. */
  readonly session: GrpcClient
  /** Says something of its steps. */
  tell(told: Told): void
}

/** A socket behind which something speaks BuildKit's control API, and builds nothing. */
export interface HostileNode {
  readonly endpoint: string
  stop(): Promise<void>
}

/**
 * Serves BuildKit's API on a socket; `onBuild` does the harm, gives the exporter's answer, or throws what the daemon
 * says of the build.
 */
export async function startHostileNode(
  path: string,
  onBuild: (build: SentBuild) => Promise<Record<string, string>>,
): Promise<HostileNode> {
  const sessions = new Map<string, Promise<GrpcClient>>()
  const status = new Map<string, { readonly told: Told[]; wake?: () => void; over: boolean }>()
  const statusOf = (ref: string) => {
    const known = status.get(ref) ?? { told: [], over: false }
    status.set(ref, known)
    return known
  }
  const services = [
    serveUnary(Control.method.listWorkers, () => ({
      record: [{ ID: 'hostile', platforms: [{ OS: 'linux', Architecture: 'amd64' }] }],
    })),
    serveUnary(Control.method.info, () => ({ buildkitVersion: { version: 'v0.13.0' } })),
    serveUnary(LLBBridge.method.ping, () => ({ LLBCaps: ABILITIES.map((ID) => ({ ID, Enabled: true })) })),
    serveStream(Control.method.session, async ({ metadata, requests, send }) => {
      const tunnel = new Duplex({
        read() {},
        write: (chunk: Buffer, _encoding, done) => void send({ data: chunk }).then(() => done(), done),
      })
      tunnel.on('error', () => {})
      const signal = new AbortController().signal
      const connecting = connectGrpc(tunnel, { signal })
      connecting.catch(() => {})
      sessions.set(metadata.one('x-docker-expose-session-uuid') ?? '', connecting)
      for await (const { data } of requests) tunnel.push(Buffer.from(data))
      tunnel.destroy()
    }),
    serveStream(Control.method.status, async ({ requests, send }) => {
      for await (const { Ref: ref } of requests) {
        const own = statusOf(ref)
        for (;;) {
          const told = own.told.shift()
          if (told) await send(told)
          else if (own.over) return
          else await new Promise<void>((resolve) => (own.wake = resolve))
        }
      }
    }),
    serveUnary(Control.method.solve, async (request) => {
      // What asks for abilities alone is given up by the client
      if (request.Frontend === '') return new Promise<never>(() => {})
      const own = statusOf(request.Ref)
      try {
        const answer = await onBuild({
          request,
          session: await sessions.get(request.Session)!,
          tell(told) {
            own.told.push(told)
            own.wake?.()
          },
        })
        return { ExporterResponse: answer }
      } finally {
        own.over = true
        own.wake?.()
      }
    }),
  ]
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket.on('error', () => {}).on('close', () => open.delete(socket)))
    // A client that only asks who is there speaks HTTP/1
    socket.once('data', (first) => {
      socket.pause()
      socket.unshift(first)
      if (first.toString('latin1', 0, 4) === 'GET ') socket.end(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
      else serveGrpc(socket, services, () => {})
    })
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    endpoint: `unix://${path}`,
    async stop() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const ABILITIES = ['gateway.warnings', 'source.ocilayout', 'exec.meta.ulimit', 'exporter.image.attestations']

/** Writes content into a store of the session, as a daemon does with its results. */
export async function writeContent(
  session: GrpcClient,
  name: string,
  { digest, data }: { digest: string; data: Buffer },
): Promise<void> {
  const call = session.open(Content.method.write, { metadata: { 'buildkit-attachable-store-id': name } })
  call.ended.catch(() => undefined)
  const total = BigInt(data.length)
  await call.send({ action: WriteAction.WRITE, ref: 'r', expected: digest, total, data })
  await call.send({ action: WriteAction.COMMIT, expected: digest, total, offset: total })
  call.end()
  for await (const _ of call.messages) void _
  await call.ended
}

/** Writes the first bytes of content that never comes to its end; settles when the store has them. */
export async function writeHalf(session: GrpcClient, name: string, data: Buffer): Promise<void> {
  const call = session.open(Content.method.write, { metadata: { 'buildkit-attachable-store-id': name } })
  call.ended.catch(() => undefined)
  const expected = `sha256:${'0'.repeat(64)}`
  await call.send({ action: WriteAction.WRITE, ref: 'r', expected, total: BigInt(data.length) + 1n, data })
  for await (const _ of call.messages) return
}
