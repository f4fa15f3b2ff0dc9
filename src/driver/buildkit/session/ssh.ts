import { once } from 'node:events'
import { connect } from 'node:net'
import { SSH } from '../gen/ssh_pb.ts'
import { serveStream, serveUnary, type Served } from '../grpc/server.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'

/** Connects steps with ssh agents of this machine; `agent` gives the path of an agent's socket. */
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
    serveStream(SSH.method.forwardAgent, async ({ metadata, requests, send }) => {
      const socket = connect(socketOf(metadata.one('buildkit.ssh.id')))
      try {
        await once(socket, 'connect')
        const answers = (async () => {
          for await (const chunk of socket) await send({ data: chunk as Buffer })
        })()
        const questions = (async () => {
          for await (const { data } of requests)
            if (!socket.write(data)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
          socket.end()
        })()
        await Promise.all([answers, questions])
      } finally {
        socket.destroy()
      }
    }),
  ]
}
