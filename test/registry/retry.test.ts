import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { systemClock } from '../../src/registry/retry.ts'
import type { RegistryClientOptions } from '../../src/registry/types.ts'
import { bench, failureOf, manifestOf } from '../support/registry-bench.ts'
import { refuse, startServer } from '../support/registry-server.ts'

const { signal } = new AbortController()
const held = manifestOf({ manifests: [] })

describe('what is tried again', () => {
  test.each([408, 425, 429, 500, 502, 503, 504])('a %i, with a longer pause each time', async (status) => {
    const { registry, client, pauses, said } = await failing(
      3,
      (_request, response) => void response.writeHead(status).end(),
    )
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(pauses).toEqual([375, 750, 1500])
    expect(said[0]).toBe(
      `Cannot pull "${registry.host}/app:1": ${registry.host} answered ${status}; trying again in 0.4 s (1 of 5)`,
    )
  })

  test('a reset', async () => {
    const { registry, client, pauses } = await failing(2, (_request, response) => void response.destroy())
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(pauses).toHaveLength(2)
  })

  test('a body that breaks off', async () => {
    const { registry, client, pauses } = await failing(1, (_request, response) => {
      response.writeHead(200, { 'content-length': held.bytes.length })
      response.write(held.bytes.subarray(0, 5), () => response.destroy())
    })
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(pauses).toHaveLength(1)
  })

  test('silence', async () => {
    const { registry, client, said } = await failing(1, () => {}, { idleTimeout: 300 })
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(said[0]).toContain('stopped responding')
  })

  test('a byte at a time', async () => {
    const { registry, client, said } = await failing(
      1,
      (_request, response) => {
        response.writeHead(200, { 'content-type': held.descriptor.mediaType })
        const drops = setInterval(() => response.write(' '), 20)
        response.once('close', () => clearInterval(drops))
      },
      { idleTimeout: 200 },
    )
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(said).toHaveLength(1)
  })

  test('heads without an answer', async () => {
    const { registry, client, said } = await failing(1, (_request, response) => {
      const heads = setInterval(() => response.writeProcessing(), 1)
      response.once('close', () => clearInterval(heads))
    })
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(said[0]).toContain('stopped responding')
  })

  test.each([
    ['part of a manifest, said to be all of it', held.bytes.subarray(0, 10), sha256(held.bytes)],
    ['part of a manifest of which no digest is said', held.bytes.subarray(0, 10), undefined],
  ])('%s', async (_what, bytes, digest) => {
    const { registry, client, pauses } = await failing(1, (_request, response) => {
      const headers = { 'content-type': held.descriptor.mediaType, 'content-length': bytes.length }
      response
        .writeHead(200, digest === undefined ? headers : { ...headers, 'docker-content-digest': digest })
        .end(bytes)
    })
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(pauses).toHaveLength(1)
  })

  test('a 401 that asks for no login, twice', async () => {
    const { registry, client, pauses } = await failing(2, (_request, response) => void response.writeHead(401).end())
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(pauses).toHaveLength(2)
  })

  test('a 401 to what was let through before, and to nothing else', async () => {
    const { registry, client, pauses } = await failing(0, () => {})
    const ref = parseReference(`${registry.host}/app:1`)
    await client.manifest(ref, { signal })
    let refused = 0
    registry.intercepts.unshift((_request, response) => {
      if (refused++ % 2 === 1) return false
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      return true
    })
    await client.manifest(ref, { signal })
    expect(pauses).toHaveLength(1)
    expect((await failureOf(client.pushManifest(ref, held, { signal }))).code).toBe('AUTH')
    expect(pauses).toHaveLength(1)
  })

  test('after as many seconds as Retry-After says', async () => {
    const { registry, client, pauses } = await failing(1, (_request, response) => {
      response.writeHead(429, { 'retry-after': '7' }).end()
    })
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(pauses).toEqual([7000])
  })
})

describe('what is not', () => {
  test('more than five times', async () => {
    const { registry, client, pauses } = await failing(100, (_request, response) =>
      refuse(response, 503, 'UNAVAILABLE', 'be back\nsoon'),
    )
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal }))
    expect(error).toMatchObject({
      code: 'REGISTRY',
      message: expect.stringContaining('answered 503 UNAVAILABLE: be back soon'),
    })
    expect(pauses).toHaveLength(5)
  })

  test('a pause of an hour', async () => {
    const { registry, client, pauses } = await failing(1, (_request, response) => {
      response.writeHead(429, { 'retry-after': '3600' }).end()
    })
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal }))
    expect(error).toMatchObject({ code: 'REGISTRY', hint: expect.stringContaining('mirror') })
    expect(pauses).toEqual([])
  })

  test.each([
    [400, 'REGISTRY'],
    [403, 'AUTH'],
    [404, 'NOT_FOUND'],
    [405, 'REGISTRY'],
    [418, 'REGISTRY'],
    [501, 'REGISTRY'],
  ])('a %i', async (status, code) => {
    const { registry, client, pauses } = await failing(1, (_request, response) =>
      refuse(response, status, 'WHY', 'because'),
    )
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal }))
    expect(error).toMatchObject({
      code,
      message: `Cannot pull "${registry.host}/app:1": ${registry.host} answered ${status} WHY: because`,
    })
    expect(pauses).toEqual([])
  })

  test('words of the registry are cut and cleaned', async () => {
    const { registry, client } = await failing(1, (_request, response) =>
      refuse(response, 400, 'X', `\u001b[31m${'y'.repeat(10_000)}`),
    )
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal }))
    expect(error.message).not.toContain('\u001b')
    expect(error.message.length).toBeLessThan(500)
  })

  test('an endless error page is not read to its end', async () => {
    const { registry, client } = await failing(1, (_request, response) => {
      response.writeHead(400)
      const more = () =>
        void (response.destroyed || response.write(Buffer.alloc(65_536, 'x'), () => setImmediate(more)))
      more()
    })
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal }))
    expect(error.message).toMatch(/answered 400$/)
  })

  test('a server that does not speak HTTP', async () => {
    const { registry, client, pauses } = await failing(
      1,
      (request) => void request.socket.end('220 mail.example ESMTP\r\n'),
    )
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal }))
    expect(error).toMatchObject({ code: 'REGISTRY', message: expect.stringContaining('Parse Error') })
    expect(pauses).toEqual([])
  })
})

test('a refused connection is tried a little and then named with a way out', async () => {
  const gone = await startServer(() => {})
  await gone.stop()
  const { client, pauses } = await bench()
  const error = await failureOf(client.manifest(parseReference(`${gone.host}/app:1`), { signal }))
  expect(error).toMatchObject({
    code: 'REGISTRY',
    message: `Cannot pull "${gone.host}/app:1": ${gone.host} cannot be reached: connection refused`,
    hint: expect.stringContaining('Check the network'),
  })
  expect(pauses).toHaveLength(2)
})

test('an aborted signal ends the pause with CANCELED', async () => {
  const abort = new AbortController()
  const { registry, client } = await failing(
    9,
    (_request, response) => {
      response.writeHead(503).end()
      setImmediate(() => abort.abort())
    },
    { clock: systemClock },
  )
  const error = await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal: abort.signal }))
  expect(error.code).toBe('CANCELED')
})

test('a connection that the server closed while idle is replaced without a word', async () => {
  const { registry, client, said } = await bench()
  registry.manifests.set('app:1', { type: held.descriptor.mediaType, bytes: held.bytes })
  const sockets = new Set<IncomingMessage['socket']>()
  registry.intercepts.push((request) => {
    const reused = sockets.has(request.socket)
    sockets.add(request.socket)
    if (reused) request.socket.destroy()
    return reused
  })
  for (let round = 0; round < 3; round++) await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
  expect(said).toEqual([])
  expect(sockets.size).toBe(3)
})

/** A bench whose registry holds `app:1` but answers the first requests with `fail`. */
async function failing(
  times: number,
  fail: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<RegistryClientOptions> = {},
) {
  const made = await bench(() => options)
  made.registry.manifests.set('app:1', { type: held.descriptor.mediaType, bytes: held.bytes })
  let left = times
  made.registry.intercepts.push((request, response) => {
    if (left-- <= 0) return false
    fail(request, response)
    return true
  })
  return made
}
