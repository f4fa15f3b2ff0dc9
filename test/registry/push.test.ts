import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { XbuildError } from '../../src/errors.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { bench, failureOf, manifestOf, randomBlob } from '../support/registry-bench.ts'
import { refuse } from '../support/registry-server.ts'

const { signal } = new AbortController()

describe('pushBlob', () => {
  test('sends what is missing, once, in one request of known length', async () => {
    const { registry, client } = await bench()
    const blob = randomBlob(1_000_000)
    const ref = parseReference(`${registry.host}/app`)
    const seen: number[] = []
    const options = { signal, open: blob.open, onProgress: (current: number) => seen.push(current) }
    expect(await client.pushBlob(ref, blob.descriptor, options)).toBe('uploaded')
    expect(registry.blobs.get(`app@${blob.descriptor.digest}`)?.equals(blob.bytes)).toBe(true)
    expect(registry.seen.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'PUT'])
    expect(registry.seen[2]?.headers['content-length']).toBe('1000000')
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.at(-1)).toBe(1_000_000)
    expect(await client.pushBlob(ref, blob.descriptor, options)).toBe('exists')
  })

  test('an empty blob can be sent', async () => {
    const { registry, client } = await bench()
    const empty = { mediaType: MEDIA_TYPE.layer, digest: sha256(''), size: 0 }
    expect(
      await client.pushBlob(parseReference(`${registry.host}/app`), empty, { signal, open: () => Readable.from([]) }),
    ).toBe('uploaded')
  })

  test('mounts from a repository that holds it', async () => {
    const { registry, client } = await bench()
    const blob = randomBlob(100)
    registry.blobs.set(`base/alpine@${blob.descriptor.digest}`, blob.bytes)
    const result = await client.pushBlob(parseReference(`${registry.host}/app`), blob.descriptor, {
      signal,
      open: blob.open,
      mountFrom: ['app', 'no/such', 'base/alpine'],
    })
    expect(result).toBe('mounted')
    expect(registry.blobs.has(`app@${blob.descriptor.digest}`)).toBe(true)
    expect(registry.seen.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'POST'])
  })

  test('a mount that is refused or not possible becomes an upload', async () => {
    const { registry, client } = await bench()
    const blob = randomBlob(100)
    registry.intercepts.push((request, response) => {
      if (!request.url?.includes('from=secret')) return false
      refuse(response, 403, 'DENIED', 'not yours')
      return true
    })
    const options = { signal, open: blob.open, mountFrom: ['secret', 'no/such'] }
    expect(await client.pushBlob(parseReference(`${registry.host}/app`), blob.descriptor, options)).toBe('uploaded')
    // The upload that the registry opened instead of the mount is used
    expect(registry.seen.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'POST', 'PUT'])
  })

  test('a connection that breaks in the middle is tried again with a fresh stream', async () => {
    const { registry, client, said } = await bench()
    const blob = randomBlob(3_000_000)
    let breaks = 2
    registry.intercepts.push((request) => {
      if (request.method !== 'PUT' || breaks-- <= 0) return false
      request.once('data', () => request.destroy())
      return true
    })
    let opened = 0
    const open = () => (opened++, blob.open())
    expect(await client.pushBlob(parseReference(`${registry.host}/app`), blob.descriptor, { signal, open })).toBe(
      'uploaded',
    )
    expect(opened).toBe(3)
    expect(said).toHaveLength(2)
  })

  test('an upload whose answer was lost is found, not sent again', async () => {
    const { registry, client } = await bench()
    const blob = randomBlob(1000)
    let lose = true
    registry.intercepts.push(async (request, response) => {
      if (request.method !== 'PUT' || !lose) return false
      lose = false
      registry.blobs.set(`app@${blob.descriptor.digest}`, blob.bytes)
      response.destroy()
      return true
    })
    expect(
      await client.pushBlob(parseReference(`${registry.host}/app`), blob.descriptor, { signal, open: blob.open }),
    ).toBe('exists')
  })

  test('a refusal before the end of the body is reported in its own words', async () => {
    const { registry, client } = await bench()
    const blob = randomBlob(8_000_000)
    registry.intercepts.push((request, response) => {
      if (request.method !== 'PUT') return false
      refuse(response, 413, 'SIZE_INVALID', 'too large for this registry')
      return true
    })
    const error = await failureOf(
      client.pushBlob(parseReference(`${registry.host}/app`), blob.descriptor, { signal, open: blob.open }),
    )
    expect(error).toMatchObject({ code: 'REGISTRY', message: expect.stringContaining('413 SIZE_INVALID: too large') })
  })

  test.each([
    ['too short', 90, 'ends after 90 of 100 bytes'],
    ['too long', 110, 'longer than 100 bytes'],
  ])('a source that is %s is an error and not tried again', async (_what, size, state) => {
    const { registry, client, said } = await bench()
    const { descriptor } = randomBlob(100)
    const open = () => Readable.from([Buffer.alloc(size)])
    const error = await failureOf(client.pushBlob(parseReference(`${registry.host}/app`), descriptor, { signal, open }))
    expect(error).toMatchObject({ code: 'DIGEST_MISMATCH', message: expect.stringContaining(state) })
    expect(said).toEqual([])
    expect(registry.blobs.size).toBe(0)
  })

  test.each([
    ['when opened', () => Promise.reject(new XbuildError('STORE', 'Cannot read "blob": it is corrupt'))],
    [
      'while read',
      () =>
        Readable.from(
          (async function* () {
            yield Buffer.alloc(10)
            throw new XbuildError('STORE', 'Cannot read "blob": it is corrupt')
          })(),
        ),
    ],
  ])('an error of the source %s comes through as it is', async (_what, open) => {
    const { registry, client } = await bench()
    const { descriptor } = randomBlob(100)
    const error = await failureOf(client.pushBlob(parseReference(`${registry.host}/app`), descriptor, { signal, open }))
    expect(error).toMatchObject({ code: 'STORE', message: 'Cannot read "blob": it is corrupt' })
  })

  test('an upload that the registry does not know any more is begun again', async () => {
    const { registry, client, said } = await bench()
    const blob = randomBlob(1000)
    let lost = 0
    registry.intercepts.push((request, response) => {
      if (request.method !== 'PUT' || lost++ > 0) return false
      request.resume()
      refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry')
      return true
    })
    const ref = parseReference(`${registry.host}/app`)
    expect(await client.pushBlob(ref, blob.descriptor, { signal, open: blob.open })).toBe('uploaded')
    expect(said).toHaveLength(1)
    expect(registry.blobs.get(`app@${blob.descriptor.digest}`)?.equals(blob.bytes)).toBe(true)
  })

  test('wrong bytes are refused by the registry and not tried again', async () => {
    const { registry, client, said } = await bench()
    const { descriptor } = randomBlob(100)
    const open = () => Readable.from([Buffer.alloc(100)])
    const error = await failureOf(client.pushBlob(parseReference(`${registry.host}/app`), descriptor, { signal, open }))
    expect(error.message).toContain('400 DIGEST_INVALID')
    expect(said).toEqual([])
  })

  test.each([
    ['no place', {}],
    ['no URL', { location: 'http://[' }],
    ['another protocol', { location: 'file:///etc/passwd' }],
  ])('an upload that opens with %s is an error', async (_what, headers) => {
    const { registry, client } = await bench()
    registry.intercepts.push((request, response) => {
      if (request.method !== 'POST') return false
      response.writeHead(202, headers).end()
      return true
    })
    const blob = randomBlob(10)
    const error = await failureOf(
      client.pushBlob(parseReference(`${registry.host}/app`), blob.descriptor, { signal, open: blob.open }),
    )
    expect(error.message).toContain('no valid upload location')
  })

  test('an aborted signal ends the upload with CANCELED and closes the source', async () => {
    const { registry, client } = await bench()
    const descriptor = { ...randomBlob(100).descriptor, size: 1_000_000_000 }
    const abort = new AbortController()
    let closed: Promise<unknown> | undefined
    const open = () => {
      // Ten bytes and then nothing more, as a stuck disk would
      const source = new Readable({ read: () => void setImmediate(() => abort.abort()) })
      source.push(Buffer.alloc(10))
      closed = new Promise((resolve) => source.once('close', () => resolve('closed')))
      return source
    }
    const error = await failureOf(
      client.pushBlob(parseReference(`${registry.host}/app`), descriptor, { signal: abort.signal, open }),
    )
    expect(error.code).toBe('CANCELED')
    expect(await closed).toBe('closed')
  })
})

describe('pushManifest', () => {
  const held = manifestOf({ manifests: [] })

  test('goes under the tag, or under the digest without one', async () => {
    const { registry, client } = await bench()
    await client.pushManifest(parseReference(`${registry.host}/app:2`), held, { signal })
    await client.pushManifest({ host: registry.host, repository: 'app' }, held, { signal })
    expect(registry.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'PUT /v2/app/manifests/2',
      `PUT /v2/app/manifests/${held.descriptor.digest}`,
    ])
    expect(registry.manifests.get('app:2')).toEqual({ type: MEDIA_TYPE.index, bytes: held.bytes })
  })

  test('a registry that stored something else is found out', async () => {
    const { registry, client } = await bench()
    registry.intercepts.push((request, response) => {
      request.resume()
      response.writeHead(201, { 'docker-content-digest': sha256('else') }).end()
      return true
    })
    const error = await failureOf(client.pushManifest(parseReference(`${registry.host}/app:2`), held, { signal }))
    expect(error).toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining(`stored it with the digest ${sha256('else')}`),
    })
  })

  test('a registry that does not say what it stored is asked', async () => {
    const { registry, client } = await bench()
    registry.manifests.set('app:2', { type: MEDIA_TYPE.index, bytes: manifestOf({ annotations: {} }).bytes })
    registry.intercepts.push((request, response) => {
      if (request.method !== 'PUT') return false
      request.resume()
      response.writeHead(201).end()
      return true
    })
    const ref = parseReference(`${registry.host}/app:2`)
    expect((await failureOf(client.pushManifest(ref, held, { signal }))).code).toBe('DIGEST_MISMATCH')
    registry.manifests.set('app:2', { type: MEDIA_TYPE.index, bytes: held.bytes })
    await client.pushManifest(ref, held, { signal })
  })
})
