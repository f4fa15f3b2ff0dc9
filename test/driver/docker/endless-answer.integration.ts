import { expect, test } from 'vitest'
import { dockerServer } from '../../support/docker-server.ts'

// Read as a whole, it would fill the memory: the test would not end
test('an answer that is read as a whole and never ends is ended, that of a stream is not', async () => {
  const { engine, close } = await dockerServer((_, response) => {
    const chunk = Buffer.alloc(1 << 20, 0x20)
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more)
    }
    response.writeHead(200)
    more()
  })
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
    await close()
  }
})
