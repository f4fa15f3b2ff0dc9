import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MEDIA_TYPE, type Digest } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { connect } from '../../src/registry/connect.ts'
import { refuse, startTestRegistry, type Intercept, type TestRegistry } from '../support/registry-server.ts'

const signal = new AbortController().signal
const clock = { now: () => Date.now(), sleep: async () => {}, random: () => 0 }
const DIGEST: Digest = `sha256:${'a'.repeat(64)}`

let registry: TestRegistry
let client: ReturnType<typeof connect>
beforeEach(async () => {
  registry = await startTestRegistry()
  client = connect({ registries: {}, env: {}, clock })
})
afterEach(async () => {
  await client.close()
  await registry.stop()
})

const ref = () => parseReference(`${registry.host}/a/app`)
const json =
  (path: RegExp, body: unknown, headers: Record<string, string> = {}): Intercept =>
  (request, response) => {
    if (!path.test(request.url ?? '')) return false
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    return true
  }
const allTags = async () => {
  const all: string[] = []
  for await (const page of client.tags(ref(), { signal })) all.push(...page)
  return all
}

describe('tags', () => {
  test('come page by page, as Link headers say; what is no tag is left out', async () => {
    registry.intercepts.push(
      json(/last=b/, { name: 'a/app', tags: ['b', 'c', '../x', 7] }),
      json(/tags\/list/, { name: 'a/app', tags: ['a', 'b'] }, { link: '</v2/a/app/tags/list?last=b&n=2>; rel="next"' }),
    )
    expect(await allTags()).toEqual(['a', 'b', 'c'])
    expect(registry.seen.map(({ path }) => path)).toEqual([
      '/v2/a/app/tags/list?n=1000',
      '/v2/a/app/tags/list?last=b&n=2',
    ])
  })

  test('a page that breaks off is asked for again', async () => {
    let broken = 0
    registry.intercepts.push(
      (_request, response) => {
        if (broken++ > 0) return false
        response.writeHead(200, { 'content-length': 100 })
        response.write('{"tags":', () => response.destroy())
        return true
      },
      json(/tags\/list/, { name: 'a/app', tags: ['a'] }),
    )
    expect(await allTags()).toEqual(['a'])
  })

  test('a repository without tags has none, one that is not there is an error', async () => {
    registry.intercepts.push(json(/tags\/list/, { name: 'a/app', tags: null }))
    expect(await allTags()).toEqual([])
    registry.intercepts.splice(0, 1, (_request, response) => {
      refuse(response, 404, 'NAME_UNKNOWN', 'repository name not known to registry')
      return true
    })
    await expect(allTags()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test.each([
    ['names the same page again', '</v2/a/app/tags/list?n=1000>; rel="next"', /the same page again/],
    ['names a page elsewhere', '<http://192.0.2.1/v2/a/app/tags/list?n=2>; rel="next"', /a page on another host/],
  ])('a registry that %s is refused', async (_, link, message) => {
    registry.intercepts.push(json(/tags\/list/, { tags: ['a'] }, { link }))
    await expect(allTags()).rejects.toThrow(message)
    expect(registry.seen).toHaveLength(1)
  })
})

test('a list of tags that goes on without a new tag is refused', async () => {
  registry.intercepts.push((request, response) => {
    const last = Number(new URL(request.url ?? '', 'http://x').searchParams.get('last') ?? 0)
    response.writeHead(200, { link: `</v2/a/app/tags/list?last=${last + 1}>; rel="next"` })
    response.end(JSON.stringify({ tags: last === 0 ? ['a'] : ['a', '../x'] }))
    return true
  })
  await expect(allTags()).rejects.toThrow(/page after page without a new tag/)
  expect(registry.seen).toHaveLength(102)
})

describe('referrers', () => {
  const descriptor = { mediaType: MEDIA_TYPE.manifest, digest: DIGEST, size: 3, artifactType: 'application/x.y' }
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [descriptor] }

  test('come from the list of the registry', async () => {
    registry.intercepts.push(json(/referrers/, index, { 'content-type': MEDIA_TYPE.index }))
    expect(await client.referrers(ref(), DIGEST, { signal })).toEqual({ listed: true, manifests: [descriptor] })
    expect(registry.seen).toHaveLength(1)
  })

  test('come from the tag where the registry has no list', async () => {
    expect(await client.referrers(ref(), DIGEST, { signal })).toEqual({ listed: false, manifests: [] })
    const bytes = Buffer.from(JSON.stringify(index))
    registry.manifests.set(`a/app:sha256-${'a'.repeat(64)}`, { type: MEDIA_TYPE.index, bytes })
    expect(await client.referrers(ref(), DIGEST, { signal })).toEqual({
      listed: false,
      manifests: [descriptor],
      digest: sha256(bytes),
    })
  })
})

test('a list of referrers that is longer than any is refused', async () => {
  const descriptor = { mediaType: MEDIA_TYPE.manifest, digest: DIGEST, size: 3 }
  registry.intercepts.push((request, response) => {
    const page = Number(new URL(request.url ?? '', 'http://x').searchParams.get('page') ?? 0)
    const next = `<${request.url?.split('?')[0]}?page=${page + 1}>; rel="next"`
    response.writeHead(200, { 'content-type': MEDIA_TYPE.index, link: next })
    response.end(JSON.stringify({ schemaVersion: 2, manifests: Array(6000).fill(descriptor) }))
    return true
  })
  await expect(client.referrers(ref(), DIGEST, { signal })).rejects.toThrow(/more than 10000 manifests/)
})

test('where there is no HEAD, a tag is read and a blob is looked for with GET', async () => {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] }))
  registry.manifests.set('a/app:1', { type: MEDIA_TYPE.index, bytes })
  registry.blobs.set(`a/app@${sha256(bytes)}`, bytes)
  registry.intercepts.push((request, response) => {
    if (request.method !== 'HEAD') return false
    response.writeHead(405).end()
    return true
  })
  expect(await client.digestOf({ ...ref(), tag: '1' }, { signal })).toBe(sha256(bytes))
  expect(await client.digestOf({ ...ref(), tag: '2' }, { signal })).toBeUndefined()
  expect(await client.blobSize(ref(), sha256(bytes), { signal })).toBe(bytes.length)
  expect(await client.blobSize(ref(), DIGEST, { signal })).toBeUndefined()
})

describe('deleteManifest', () => {
  test('says whether it was there, and what a registry that cannot do it needs', async () => {
    let status = 202
    registry.intercepts.push((request, response) => {
      if (request.method !== 'DELETE') return false
      if (status === 405) refuse(response, 405, 'UNSUPPORTED', 'The operation is unsupported')
      else response.writeHead(status).end()
      return true
    })
    const at = { ...ref(), digest: DIGEST }
    expect(await client.deleteManifest(at, { signal })).toBe('deleted')
    status = 404
    expect(await client.deleteManifest(at, { signal })).toBe('absent')
    status = 405
    await expect(client.deleteManifest(at, { signal })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      hint: expect.stringContaining('storage.delete.enabled'),
    })
  })
})
