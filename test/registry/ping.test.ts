import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { pingRegistry } from '../../src/registry/ping.ts'

test('a registry that cannot be reached is described by its state alone', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const host = `127.0.0.1:${port}`
  const options = {
    registries: { [host]: { mirrors: [], http: true } },
    env: {},
    signal: new AbortController().signal,
    limit: 5,
  }
  const [ping] = await pingRegistry(host, options)
  expect(ping?.failure).toBe(`${host} cannot be reached: connection refused`)
})
