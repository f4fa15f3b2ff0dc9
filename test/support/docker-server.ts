import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { openDockerEngine, type DockerEngine } from '../../src/driver/docker/engine.ts'

/** A Docker engine that answers as `answer` says, and a client of it. */
export async function dockerServer(
  answer: RequestListener,
): Promise<{ readonly server: Server; readonly engine: DockerEngine; close(): Promise<void> }> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const engine = await openDockerEngine({
    endpoint: 'tcp://hostile',
    connect: async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    },
    close: async () => {},
  } as Parameters<typeof openDockerEngine>[0])
  return {
    server,
    engine,
    async close() {
      await engine.close()
      server.closeAllConnections()
      server.close()
    },
  }
}
