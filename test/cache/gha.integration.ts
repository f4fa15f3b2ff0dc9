import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeCacheImage, type CachedStep } from '../../src/cache/document.ts'
import { ghaPlace } from '../../src/cache/gha.ts'
import type { BlobSource } from '../../src/content/built-image.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parsePlatform } from '../../src/platform.ts'
import { startGhaCache, type GhaCache } from '../support/gha-cache.ts'

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
