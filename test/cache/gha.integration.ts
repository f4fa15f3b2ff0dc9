import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeCacheImage, type CachedStep } from '../../src/cache/document.ts'
import { ghaPlace } from '../../src/cache/gha.ts'
import type { BlobSource } from '../../src/content/built-image.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parsePlatform } from '../../src/platform.ts'
import { startGhaCache, type Fault, type GhaCache } from '../support/gha-cache.ts'

const amd64 = parsePlatform('linux/amd64')
const arm64 = parsePlatform('linux/arm64')
const signal = new AbortController().signal
const LAYER = 'bytes of a layer'
const layers: BlobSource = {
  path: async () => undefined,
  read: async () => Readable.from([Buffer.from(LAYER)], { objectMode: false }),
  origins: async () => [],
}

let service: GhaCache
const place = (token = service.token, scope = 'main') => ghaPlace({ scope, url: service.url, token }, { env: {} })
/** One that waits a moment only. */
const impatient = () => ghaPlace({ scope: 'main', url: service.url, token: service.token, timeout: 300 }, { env: {} })
const stepNamed = (name: string): CachedStep => ({
  key: sha256(name).slice(7),
  created: '2026-01-02T03:04:05Z',
  layer: {
    descriptor: { mediaType: MEDIA_TYPE.layerGzip, digest: sha256(LAYER), size: LAYER.length },
    diffId: sha256('plain'),
  },
})
const cacheOf = (name: string) => makeCacheImage({ stamp: '', steps: [stepNamed(name)] })

beforeEach(async () => {
  service = await startGhaCache()
})
afterEach(() => service.stop())

test('what was saved is loaded, layers from any offset', async () => {
  await place().save(amd64, cacheOf('one'), layers, signal)
  const [found, ...more] = await place().load([amd64], signal)
  expect(more).toEqual([])
  expect(found!.document.steps).toEqual([stepNamed('one')])
  const { descriptor } = stepNamed('one').layer!
  expect(await text(await found!.open(descriptor, 0, signal))).toBe(LAYER)
  expect(await text(await found!.open(descriptor, 6, signal))).toBe('of a layer')
})

test('the newest cache of a platform and scope is found, and no other', async () => {
  await place().save(amd64, cacheOf('one'), layers, signal)
  await place().save(amd64, cacheOf('two'), layers, signal)
  await place().save(arm64, cacheOf('three'), layers, signal)
  await place(service.token, 'main#linux-amd64').save(amd64, cacheOf('four'), layers, signal)
  const found = await place().load([amd64], signal)
  expect(found.flatMap(({ document }) => document.steps)).toEqual([stepNamed('two')])
  expect(await place(service.token, 'nobody').load([amd64], signal)).toEqual([])
})

test('a layer is sent once', async () => {
  await place().save(amd64, cacheOf('one'), layers, signal)
  await place().save(arm64, cacheOf('two'), layers, signal)
  expect([...service.entries.keys()].filter((key) => key.startsWith('xbuild-blob'))).toHaveLength(1)
})

test('a bad moment of the service is waited for', async () => {
  service.failures.push(503, 429)
  await place().save(amd64, cacheOf('one'), layers, signal)
  expect(await place().load([amd64], signal)).toHaveLength(1)
})

test('a wrong token is an error that does not repeat it', async () => {
  const failing = place('wrong-token').load([amd64], signal)
  await expect(failing).rejects.toMatchObject({ code: 'AUTH', message: expect.not.stringContaining('wrong-token') })
})

test('an evicted layer is an error', async () => {
  await place().save(amd64, cacheOf('one'), layers, signal)
  const [found] = await place().load([amd64], signal)
  const gone = { ...stepNamed('one').layer!.descriptor, digest: sha256('never sent') }
  await expect(found!.open(gone, 0, signal)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('what is there already is not written again', async () => {
  await place().save(amd64, cacheOf('one'), layers, signal)
  const before = [...service.entries.keys()]
  await place().save(amd64, cacheOf('one'), layers, signal)
  expect([...service.entries.keys()]).toEqual(before)
  await place().save(amd64, cacheOf('two'), layers, signal)
  await place().save(amd64, cacheOf('one'), layers, signal)
  expect(service.entries.size).toBe(before.length + 2)
  expect((await place().load([amd64], signal))[0]!.document.steps).toEqual([stepNamed('one')])
})

test('a cache of the older scope is read until there is one of the new scope', async () => {
  const settings = { scope: 'new', olderScope: 'main', url: service.url, token: service.token }
  const newer = ghaPlace(settings, { env: {} })
  await place().save(amd64, cacheOf('one'), layers, signal)
  expect((await newer.load([amd64], signal))[0]!.document.steps).toEqual([stepNamed('one')])
  await newer.save(amd64, cacheOf('two'), layers, signal)
  expect((await newer.load([amd64], signal))[0]!.document.steps).toEqual([stepNamed('two')])
  expect((await place().load([amd64], signal))[0]!.document.steps).toEqual([stepNamed('one')])
})

test('a scope may be longer than a name of the service', async () => {
  const long = (end: string) => place(service.token, `${'ä,'.repeat(300)}${end}`)
  await long('a').save(amd64, cacheOf('one'), layers, signal)
  expect(await long('a').load([amd64], signal)).toHaveLength(1)
  expect(await long('b').load([amd64], signal)).toEqual([])
})

test('a layer whose upload was ended in the middle is sent under another name', async () => {
  service.faults.set('blob', 400)
  await expect(place().save(amd64, cacheOf('one'), layers, signal)).rejects.toMatchObject({ code: 'REGISTRY' })
  service.faults.clear()
  await place().save(amd64, cacheOf('one'), layers, signal)
  const [found] = await place().load([amd64], signal)
  expect(await text(await found!.open(stepNamed('one').layer!.descriptor, 0, signal))).toBe(LAYER)
})

describe('reading ends soon, with an error for a warning, when', () => {
  test.each<[where: string, fault: Fault, message: RegExp]>([
    ['GetCacheEntryDownloadURL', 'hang', /GetCacheEntryDownloadURL took more than 0.3 s/],
    ['GetCacheEntryDownloadURL', 'trickle', /GetCacheEntryDownloadURL took more than 0.3 s/],
    ['GetCacheEntryDownloadURL', 'garbage', /its answer to GetCacheEntryDownloadURL is not JSON/],
    ['GetCacheEntryDownloadURL', 429, /took more than 0.3 s/],
    ['GetCacheEntryDownloadURL', 403, /HTTP status 403/],
    ['blob', 'hang', /reading the list of steps took more than 0.3 s/],
    ['blob', 'trickle', /reading the list of steps took more than 0.3 s/],
    ['blob', 'garbage', /Cannot read cache manifest/],
    ['blob', 'cut', /./],
    ['blob', 404, /HTTP status 404/],
  ])('%s: %s', async (where, fault, message) => {
    await place().save(amd64, cacheOf('one'), layers, signal)
    service.faults.set(where, fault)
    await expect(impatient().load([amd64], signal)).rejects.toThrow(message)
  })

  test.each<Fault>(['hang', 'trickle', 'cut'])('a layer: %s', async (fault) => {
    await place().save(amd64, cacheOf('one'), layers, signal)
    const [found] = await impatient().load([amd64], signal)
    service.faults.set('blob', fault)
    const reading = found!.open(stepNamed('one').layer!.descriptor, 0, signal).then(text)
    await expect(reading).rejects.toThrow(fault === 'cut' ? /./ : /layer sha256:\w+ took more than 0.3 s/)
  })

  test('nobody is there', async () => {
    await service.stop()
    await expect(impatient().load([amd64], signal)).rejects.toMatchObject({ code: 'REGISTRY' })
    service = await startGhaCache()
  })
})

test.each<[where: string, fault: Fault]>([
  ['CreateCacheEntry', 'hang'],
  ['CreateCacheEntry', 'garbage'],
  ['CreateCacheEntry', 400],
  ['blob', 'hang'],
  ['blob', 403],
  ['FinalizeCacheEntryUpload', 'trickle'],
])('writing ends, too, and no list names layers that are not there: %s %s', async (where, fault) => {
  service.faults.set(where, fault)
  await expect(impatient().save(amd64, cacheOf('one'), layers, signal)).rejects.toThrow(
    /Cannot use GitHub's cache service/,
  )
  service.faults.clear()
  expect(await place().load([amd64], signal)).toEqual([])
})

test('a service that gave no answer is not asked by every layer again', async () => {
  service.faults.set('GetCacheEntryDownloadURL', 'hang')
  const services = new Map()
  const settings = { scope: 'main', url: service.url, token: service.token, timeout: 100 }
  for (const platform of [amd64, arm64])
    await expect(ghaPlace(settings, { env: {}, services }).load([platform], signal)).rejects.toThrow(/took more than/)
  expect(service.calls).toEqual(['GetCacheEntryDownloadURL'])
})
