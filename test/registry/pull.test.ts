import type { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { type Descriptor, MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { bench, collect, failureOf, loggedIn, manifestOf, randomBlob } from '../support/registry-bench.ts'
import { refuse, startServer } from '../support/registry-server.ts'

const { signal } = new AbortController()

describe('manifest', () => {
  const held = manifestOf({ manifests: [] })
  const other = manifestOf({ annotations: { a: 'other' } })

  test('comes by tag and by digest, with its exact bytes', async () => {
    const { registry, client } = await bench()
    for (const name of ['1', held.descriptor.digest]) {
      registry.manifests.set(`app:${name}`, { type: `${MEDIA_TYPE.index}; charset=utf-8`, bytes: held.bytes })
    }
    expect(await client.manifest(parseReference(`${registry.host}/app:1`), { signal })).toEqual(held)
    expect(
      await client.manifest(parseReference(`${registry.host}/app:ignored@${held.descriptor.digest}`), { signal }),
    ).toEqual(held)
    expect(registry.seen[0]?.headers.accept?.split(', ')).toHaveLength(4)
  })

  test.each([
    ['another type inside than outside', 'its Content-Type is', manifestOf({}).bytes, MEDIA_TYPE.manifest],
    ['no JSON', 'not a JSON object', '<html>', MEDIA_TYPE.index],
    ['a JSON list', 'not a JSON object', '[]', MEDIA_TYPE.index],
    ['schema 1', 'schema 1', '{"schemaVersion":1}', 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
    ['another kind of thing', 'application/x-helm is not an image', '{}', 'application/x-helm'],
    ['more than 4 MiB', 'larger than 4 MiB', ' '.repeat(4 * 1024 * 1024 + 1), MEDIA_TYPE.index],
  ])('refuses %s', async (_what, state, bytes, type) => {
    const { registry, client } = await bench()
    registry.manifests.set('app:1', { type, bytes: Buffer.from(bytes) })
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal }))
    expect(error).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining(state) })
  })

  test('refuses other bytes than the digest asked for', async () => {
    const { registry, client } = await bench()
    registry.manifests.set(`app:${other.descriptor.digest}`, { type: MEDIA_TYPE.index, bytes: held.bytes })
    const error = await failureOf(
      client.manifest(parseReference(`${registry.host}/app@${other.descriptor.digest}`), { signal }),
    )
    expect(error).toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining(`instead of ${other.descriptor.digest}`),
    })
  })

  test('refuses an answer whose own digest header does not fit', async () => {
    const { registry, client } = await bench()
    registry.intercepts.push((_request, response) => {
      response
        .writeHead(200, { 'content-type': MEDIA_TYPE.index, 'docker-content-digest': other.descriptor.digest })
        .end(held.bytes)
      return true
    })
    expect((await failureOf(client.manifest(parseReference(`${registry.host}/app`), { signal }))).code).toBe(
      'DIGEST_MISMATCH',
    )
  })

  test.each([
    [{ manifests: [] }, MEDIA_TYPE.index],
    [{ layers: [] }, MEDIA_TYPE.manifest],
  ])('guesses the type of %j when the registry does not say', async (fields, type) => {
    const { registry, client } = await bench()
    registry.manifests.set('app:1', { type: 'application/json', bytes: Buffer.from(JSON.stringify(fields)) })
    expect((await client.manifest(parseReference(`${registry.host}/app:1`), { signal })).descriptor.mediaType).toBe(
      type,
    )
  })
})

describe('blob', () => {
  test.each([0, 1, 70_000, 300_000, 300_001])('from byte %i to the end', async (offset) => {
    const { registry, client } = await bench()
    const blob = randomBlob(300_000)
    registry.blobs.set(`app@${blob.descriptor.digest}`, blob.bytes)
    const got = await collect(
      await client.blob(parseReference(`${registry.host}/app`), blob.descriptor, { signal, offset }),
    )
    expect(got.equals(blob.bytes.subarray(offset))).toBe(true)
  })

  test('an empty blob needs no request', async () => {
    const { registry, client } = await bench()
    const empty = { mediaType: MEDIA_TYPE.layer, digest: sha256(''), size: 0 }
    expect(await collect(await client.blob(parseReference(`${registry.host}/app`), empty, { signal }))).toHaveLength(0)
    expect(registry.seen).toEqual([])
  })

  test('a registry that ignores ranges is read from the start', async () => {
    const { registry, client } = await bench()
    const blob = randomBlob(200_000)
    registry.intercepts.push((_request, response) => {
      response.writeHead(200).end(blob.bytes)
      return true
    })
    const got = await collect(
      await client.blob(parseReference(`${registry.host}/app`), blob.descriptor, { signal, offset: 150_000 }),
    )
    expect(got.equals(blob.bytes.subarray(150_000))).toBe(true)
  })

  test('a broken transfer goes on where it broke', async () => {
    const { registry, client, said } = await bench()
    const blob = randomBlob(900_000)
    registry.blobs.set(`app@${blob.descriptor.digest}`, blob.bytes)
    let breaks = 3
    registry.intercepts.push((request, response) => {
      if (breaks-- <= 0) return false
      const start = Number(/^bytes=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const range = start ? { 'content-range': `bytes ${start}-899999/900000` } : {}
      response.writeHead(start ? 206 : 200, { 'content-length': blob.bytes.length - start, ...range })
      response.write(blob.bytes.subarray(start, start + 100_000), () => response.destroy())
      return true
    })
    const got = await collect(await client.blob(parseReference(`${registry.host}/app`), blob.descriptor, { signal }))
    expect(got.equals(blob.bytes)).toBe(true)
    expect(said).toHaveLength(3)
    expect(said[0]).toContain(`${registry.host} closed the connection; trying again in`)
    expect(registry.seen.at(-1)?.headers.range).toMatch(/^bytes=[1-9]\d*-899999$/)
  })

  test('a transfer that never moves ends with an error', async () => {
    const { registry, client, said } = await bench()
    const blob = randomBlob(1000)
    registry.intercepts.push((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 })
      response.flushHeaders()
      setImmediate(() => response.destroy())
      return true
    })
    const error = await failureOf(
      client.blob(parseReference(`${registry.host}/app`), blob.descriptor, { signal }).then(collect),
    )
    expect(error).toMatchObject({ code: 'REGISTRY', message: expect.stringContaining('closed the connection') })
    expect(said).toHaveLength(5)
  })

  test('a short body without a length is not taken for the whole', async () => {
    const { registry, client } = await bench()
    const blob = randomBlob(1000)
    registry.intercepts.push((_request, response) => {
      response.writeHead(200)
      response.end(blob.bytes.subarray(0, 500))
      return true
    })
    const error = await failureOf(
      client.blob(parseReference(`${registry.host}/app`), blob.descriptor, { signal }).then(collect),
    )
    expect(error.code).toBe('REGISTRY')
  })

  test('more than the size is never handed on', async () => {
    const { registry, client } = await bench()
    const blob = randomBlob(1000)
    registry.intercepts.push((_request, response) => {
      response.writeHead(200)
      response.end(Buffer.concat([blob.bytes, Buffer.from('more')]))
      return true
    })
    const stream = await client.blob(parseReference(`${registry.host}/app`), blob.descriptor, { signal })
    let got = 0
    const error = await failureOf(
      (async () => {
        for await (const chunk of stream) got += chunk.length
      })(),
    )
    expect(error).toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining('more than its 1000 bytes'),
    })
    expect(got).toBeLessThanOrEqual(1000)
  })

  test('a length that does not fit is refused before the first byte', async () => {
    const { registry, client } = await bench()
    const blob = randomBlob(1000)
    registry.blobs.set(`app@${blob.descriptor.digest}`, Buffer.alloc(999))
    const error = await failureOf(client.blob(parseReference(`${registry.host}/app`), blob.descriptor, { signal }))
    expect(error).toMatchObject({ code: 'DIGEST_MISMATCH', message: expect.stringContaining('bytes 0 to 999') })
  })

  test('a blob that is not there is an error of the call', async () => {
    const { registry, client } = await bench()
    const error = await failureOf(
      client.blob(parseReference(`${registry.host}/app`), randomBlob(10).descriptor, { signal }),
    )
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('404 BLOB_UNKNOWN: blob unknown'),
    })
  })

  test('a redirect to another host is followed without credentials', async () => {
    const blob = randomBlob(5000)
    const asked: (string | undefined)[] = []
    const storage = await startServer((request, response) => {
      asked.push(request.headers.authorization)
      response.writeHead(200, { 'content-length': 5000 }).end(blob.bytes)
    })
    const { registry, client } = await bench((host) => ({ env: loggedIn(host) }))
    registry.intercepts.push((request, response) => {
      if (!request.headers.authorization) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      } else {
        response.writeHead(307, { location: `http://${storage.host}/data?signature=abc` }).end()
      }
      return true
    })
    const got = await collect(await client.blob(parseReference(`${registry.host}/app`), blob.descriptor, { signal }))
    expect(got.equals(blob.bytes)).toBe(true)
    expect(asked).toEqual([undefined])
    await storage.stop()
  })

  test('a redirect in circles ends', async () => {
    const { registry, client } = await bench()
    registry.intercepts.push((request, response) => {
      response.writeHead(302, { location: request.url ?? '' }).end()
      return true
    })
    const error = await failureOf(
      client.blob(parseReference(`${registry.host}/app`), randomBlob(10).descriptor, { signal }),
    )
    expect(error.message).toContain('redirects too many times')
    expect(registry.seen).toHaveLength(9)
  })

  test('a stream that nobody wants any more closes its connection', async () => {
    const { registry, client } = await bench()
    const { descriptor } = randomBlob(1000)
    const closed = new Promise<void>((resolve) => {
      registry.intercepts.push((request, response) => {
        request.socket.once('close', () => resolve())
        response.writeHead(200, { 'content-length': 1000 }).write(Buffer.alloc(10))
        return true
      })
    })
    const stream = await client.blob(parseReference(`${registry.host}/app`), descriptor, { signal })
    stream.once('data', () => setImmediate(() => (stream as Readable).destroy()))
    await closed
    expect((stream as Readable).destroyed).toBe(true)
  })

  test('an aborted signal ends the stream with CANCELED', async () => {
    const { registry, client } = await bench()
    const blob = randomBlob(5_000_000)
    registry.intercepts.push((_request, response) => {
      response.writeHead(200, { 'content-length': 5_000_000 })
      response.write(blob.bytes.subarray(0, 10_000))
      return true
    })
    const abort = new AbortController()
    const stream = await client.blob(parseReference(`${registry.host}/app`), blob.descriptor, { signal: abort.signal })
    stream.once('data', () => abort.abort())
    expect((await failureOf(collectPlain(stream))).code).toBe('CANCELED')
  })
})

test.each([
  { digest: 'sha256:../../../v2/other/blobs/x', size: 10 },
  { digest: randomBlob(1).descriptor.digest, size: -1 },
  { digest: randomBlob(1).descriptor.digest, size: 1e300 },
])('a descriptor like %j is not asked for', async (fields) => {
  const { registry, client } = await bench()
  const descriptor = { mediaType: MEDIA_TYPE.layer, ...fields } as Descriptor
  const ref = parseReference(`${registry.host}/app`)
  expect((await failureOf(client.blob(ref, descriptor, { signal }))).code).toBe('BAD_REFERENCE')
  expect((await failureOf(client.hasBlob(ref, descriptor, { signal }))).code).toBe('BAD_REFERENCE')
  expect(registry.seen).toEqual([])
})

test('hasBlob', async () => {
  const { registry, client } = await bench()
  const blob = randomBlob(10)
  const ref = parseReference(`${registry.host}/app`)
  expect(await client.hasBlob(ref, blob.descriptor, { signal })).toBe(false)
  registry.blobs.set(`app@${blob.descriptor.digest}`, blob.bytes)
  expect(await client.hasBlob(ref, blob.descriptor, { signal })).toBe(true)
  registry.intercepts.push((_request, response) => (refuse(response, 403, 'DENIED', 'no'), true))
  expect((await failureOf(client.hasBlob(ref, blob.descriptor, { signal }))).code).toBe('AUTH')
})

test.each([405, 501])('where HEAD is answered with %i, a blob is looked for with GET', async (status) => {
  const { registry, client } = await bench()
  const blob = randomBlob(1 << 20)
  const ref = parseReference(`${registry.host}/app`)
  registry.intercepts.push((request, response) => {
    if (request.method !== 'HEAD') return false
    response.writeHead(status).end()
    return true
  })
  expect(await client.hasBlob(ref, blob.descriptor, { signal })).toBe(false)
  registry.blobs.set(`app@${blob.descriptor.digest}`, blob.bytes)
  expect(await client.hasBlob(ref, blob.descriptor, { signal })).toBe(true)
})

function collectPlain(stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject).resume())
}
