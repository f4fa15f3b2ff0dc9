import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, test } from 'vitest'
import { openDockerEngine } from '../../../src/driver/docker/engine.ts'

// Read as a whole, it would fill the memory: the test would not end
test('an answer that is read as a whole and never ends is ended, that of a stream is not', async () => {
  const server = createServer((_, response) => {
    const chunk = Buffer.alloc(1 << 20, 0x20)
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more)
    }
    response.writeHead(200)
    more()
  }).listen(0, '127.0.0.1')
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
  try {
    await expect(engine.api.version()).rejects.toThrow('it answers with more than 4194304 bytes')
    const stream = await engine.api.getImage('x').get()
    let size = 0
    for await (const chunk of stream) {
      size += (chunk as Buffer).length
      if (size > 48 << 20) break
    }
    expect(size).toBeGreaterThan(48 << 20)
  } finally {
    await engine.close()
    server.closeAllConnections()
    server.close()
  }
})
