import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'

/** A port that behaves as a buildkitd does. */
export interface Buildkitd {
  readonly port: number
  stop(): Promise<void>
}

/**
 * Puts the BuildKit that is inside of a Docker Engine on a loopback port, bare, as buildkitd offers it; with
 * `certificates`, a folder as
 * of `startDockerd`, behind TLS that asks for a certificate of the client.
 */
export async function exposeBuildkit(
  socket: string,
  { certificates }: { readonly certificates?: string } = {},
): Promise<Buildkitd> {
  const open = new Set<Socket>()
  const serve = (client: Socket): void => {
    open.add(client.on('error', () => client.destroy()).on('close', () => open.delete(client)))
    const asked = request({
      socketPath: socket,
      path: '/grpc',
      method: 'POST',
      headers: { Connection: 'Upgrade', Upgrade: 'h2c' },
    })
    asked.on('error', () => client.destroy())
    asked.on('upgrade', (_, daemon: Socket, head) => {
      daemon.on('error', () => client.destroy()) // what it said last is still handed on: the pipe ends the connection
      client.on('close', () => daemon.destroy())
      client.write(head)
      client.pipe(daemon).pipe(client)
    })
    asked.end()
  }
  const pem = (name: string) => readFileSync(join(certificates!, name))
  const server: Server = certificates
    ? createTlsServer(
        {
          ca: pem('ca.pem'),
          cert: pem('server-cert.pem'),
          key: pem('server-key.pem'),
          requestCert: true,
          rejectUnauthorized: true,
          ALPNProtocols: ['h2'],
        },
        serve,
      )
    : createServer(serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const client of open) client.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A port where connections are taken, and nothing is ever said. */
export async function listenSilently(): Promise<Buildkitd> {
  const open = new Set<Socket>()
  const server = createServer((client) => void open.add(client.on('error', () => undefined).resume()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const client of open) client.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A socket that answers every connection with these bytes. */
export async function answerAlways(path: string, bytes: Buffer): Promise<{ stop(): Promise<void> }> {
  const server = createServer((client) => {
    client.on('error', () => undefined).resume()
    client.end(bytes)
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    async stop() {
      server.close()
      await once(server, 'close')
    },
  }
}
