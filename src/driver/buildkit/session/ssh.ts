import { relayAgent } from '../../../content/agent-relay.ts'
import { SSH } from '../gen/ssh_pb.ts'
import { serveStream, serveUnary, type Served } from '../grpc/server.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'

/** Lets steps list and use the keys of ssh agents of this machine; `agent` gives the path of an agent's socket. */
export function sshService(agent: (id: string) => string | undefined): readonly Served[] {
  const socketOf = (id: string | undefined) => {
    const path = agent(id || 'default')
    if (path === undefined) throw new GrpcFailure(GRPC.notFound, `there is no ssh agent "${id || 'default'}"`)
    return path
  }
  return [
    serveUnary(SSH.method.checkAgent, ({ ID: id }) => {
      socketOf(id)
      return {}
    }),
    serveStream(SSH.method.forwardAgent, ({ metadata, requests, send }) =>
      relayAgent(socketOf(metadata.one('buildkit.ssh.id')), {
        requests: bytesOf(requests),
        answer: (data) => send({ data }),
      }),
    ),
  ]
}

async function* bytesOf(messages: AsyncIterable<{ readonly data: Uint8Array }>): AsyncGenerator<Uint8Array> {
  for await (const { data } of messages) yield data
}
