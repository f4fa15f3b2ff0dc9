import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, test } from 'vitest'
import { cleaned, removeImage } from '../../../src/driver/docker/answers.ts'
import { engineImages } from '../../../src/driver/docker/engine-images.ts'
import { openDockerEngine } from '../../../src/driver/docker/engine.ts'
import { openStore } from '../../../src/store/store.ts'
import { tempFolder } from '../../support/temp-folder.ts'

test('an engine that never answers does not keep a build that is stopped', async () => {
  const asked: string[] = []
  const server = createServer((request) => void asked.push(request.method!)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const engine = await openDockerEngine({
    endpoint: 'tcp://silent',
    connect: async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    },
    close: async () => {},
  } as Parameters<typeof openDockerEngine>[0])
  try {
    const stop = new AbortController()
    const images = engineImages(engine, { store: await openStore(`${tempFolder()}/store`) })
    const read = images.read('x', { signal: stop.signal })
    await once(server, 'request')
    stop.abort(new Error('stopped'))
    await expect(read).rejects.toThrow('stopped')
    await removeImage(engine, 'x', 50)
    expect(asked).toEqual(['GET', 'DELETE'])
    await expect(cleaned(new Promise(() => undefined), 50)).rejects.toThrow()
  } finally {
    await engine.close()
    server.closeAllConnections()
    server.close()
  }
})
