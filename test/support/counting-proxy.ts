import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a server that counts what goes through, both ways. */
export interface CountingProxy {
  readonly host: string
  bytes(): number
  stop(): Promise<void>
}

/** Opens such a way to `HOST:PORT`, on a free loopback port. */
export async function countingProxy(to: string): Promise<CountingProxy> {
  const [host, port] = to.split(':') as [string, string]
  const open = new Set<Socket>()
  let count = 0
  const server = createServer((client) => {
    const inner = connect(Number(port), host)
    for (const [from, into] of [
      [client, inner],
      [inner, client],
    ] as const) {
      open.add(from)
      from.on('data', (part) => (count += part.length))
      from.on('error', () => into.destroy()).on('close', () => open.delete(from))
      from.pipe(into)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => count,
    async stop() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
