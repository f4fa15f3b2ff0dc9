import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CACHE_TYPE,
  INLINE_FIELD,
  makeCacheImage,
  openManifest,
  readCache,
  type CachedStep,
} from '../../src/cache/document.ts'
import { inlineCache } from '../../src/cache/inline.ts'
import { platformName } from '../../src/cache/place.ts'
import { toXbuildError } from '../../src/errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { makeDocument } from '../../src/oci/make-manifest.ts'
import { parsePlatform } from '../../src/platform.ts'

const key = (text: string) => sha256(text).slice(7)
const layer = (text: string): Descriptor => ({
  mediaType: MEDIA_TYPE.layerGzip,
  digest: sha256(text),
  size: text.length,
})
const CREATED = '2026-01-02T03:04:05.678Z'
const STEPS: readonly CachedStep[] = [
  { key: key('one'), created: CREATED, layer: { descriptor: layer('one'), diffId: sha256('plain one') } },
  { key: key('two'), created: CREATED },
  { key: key('three'), created: CREATED, layer: { descriptor: layer('one'), diffId: sha256('plain one') } },
]

function read(steps: readonly CachedStep[]) {
  const image = makeCacheImage({ stamp: '', steps })
  return readCache(image.config.bytes, openManifest(image.manifest.bytes, image.manifest.descriptor))
}

test('a cache is read as it was written; equal layers are there once', () => {
  expect(read(STEPS)).toEqual({ stamp: '', steps: STEPS })
  expect(makeCacheImage({ stamp: '', steps: STEPS }).layers).toEqual([layer('one')])
})

test('a cache is an image manifest of its own type, with a placeholder when no step has a layer', () => {
  const { manifest, empty } = makeCacheImage({ stamp: '', steps: STEPS.slice(1, 2) })
  const json = JSON.parse(manifest.bytes.toString())
  expect(json).toMatchObject({
    artifactType: CACHE_TYPE,
    config: { mediaType: CACHE_TYPE },
    layers: [{ mediaType: MEDIA_TYPE.empty }],
  })
  expect(sha256(empty!.bytes)).toBe(empty!.descriptor.digest)
  expect(read([])).toEqual({ stamp: '', steps: [] })
})

test('an image carries its steps in its config', () => {
  const layers = [layer('base'), layer('one')]
  const config = makeDocument(MEDIA_TYPE.config, { os: 'linux', ...inlineCache(STEPS, layers) })
  const manifest = makeDocument(MEDIA_TYPE.manifest, { schemaVersion: 2, config: config.descriptor, layers })
  expect(readCache(config.bytes, openManifest(manifest.bytes, manifest.descriptor))).toEqual({
    stamp: '',
    steps: STEPS,
  })
})

test('with SOURCE_DATE_EPOCH the carried steps have no later time', () => {
  const extra = inlineCache(STEPS, [layer('one')], 1000)[INLINE_FIELD]
  expect(extra).toMatchObject({ stamp: '1000', steps: [{ created: '1970-01-01T00:16:40.000Z' }, {}, {}] })
})

test('an image without steps has none', () => {
  const config = makeDocument(MEDIA_TYPE.config, { os: 'linux' })
  const manifest = makeDocument(MEDIA_TYPE.manifest, { schemaVersion: 2, config: config.descriptor, layers: [] })
  expect(readCache(config.bytes, openManifest(manifest.bytes, manifest.descriptor))).toBeUndefined()
})

describe('a hostile cache', () => {
  const good = { key: key('x'), created: CREATED, layer: 0, diffId: sha256('x') }
  const opened = {
    kind: 'cache' as const,
    config: { mediaType: CACHE_TYPE, digest: sha256('c'), size: 1 },
    layers: [layer('one')],
  }
  const readBytes = (value: unknown) =>
    readCache(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), opened)
  const withStep = (step: object) => ({ version: 1, stamp: '', steps: [{ ...good, ...step }] })

  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /not JSON/],
    ['a list', [], /not an object/],
    ['another version', { version: 2, stamp: '', steps: [] }, /newer xbuild/],
    ['a stamp that is a path', { version: 1, stamp: '../..', steps: [] }, /not a number of seconds/],
    ['no steps', { version: 1, stamp: '' }, /steps is missing/],
    ['a key that leaves the store', withStep({ key: '../../../etc/passwd' }), /not the key of a step/],
    ['a key in capitals', withStep({ key: 'A'.repeat(64) }), /not the key of a step/],
    ['a layer that is not there', withStep({ layer: 1 }), /not one of the layers/],
    ['a layer before the first', withStep({ layer: -1 }), /whole number/],
    ['a layer by name', withStep({ layer: '__proto__' }), /whole number/],
    ['a diff id that is a path', withStep({ diffId: '../x' }), /not a digest/],
    ['a time that is none', withStep({ created: 'yesterday' }), /not a time/],
    ['a time with more in it', withStep({ created: `${CREATED}\u001b[2J` }), /not a time/],
    ['too many steps', { version: 1, stamp: '', steps: Array.from({ length: 10_001 }, () => 0) }, /more than 10000/],
  ])('with %s is refused', (_, value, message) => {
    expect(() => readBytes(value)).toThrow(message)
  })

  test('that names a layer of another kind is refused', () => {
    const layers = [{ ...layer('one'), mediaType: 'application/octet-stream' }]
    expect(() => readCache(Buffer.from(JSON.stringify(withStep({}))), { ...opened, layers })).toThrow(
      /not a file system layer/,
    )
  })

  test('whose config is larger than any is refused before it is fetched', () => {
    const bytes = Buffer.from(
      JSON.stringify({ config: { mediaType: CACHE_TYPE, digest: sha256('c'), size: 1e9 }, layers: [] }),
    )
    expect(() =>
      openManifest(bytes, { mediaType: MEDIA_TYPE.manifest, digest: sha256(bytes), size: bytes.length }),
    ).toThrow(/more than the/)
  })

  test('whatever it says: steps, or an error that says what is wrong with it', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (manifest, config) => {
        try {
          const bytes = Buffer.from(manifest)
          openManifest(bytes, { mediaType: MEDIA_TYPE.manifest, digest: sha256(bytes), size: bytes.length })
        } catch (error) {
          expect(toXbuildError(error).code).toBe('BAD_IMAGE')
        }
        try {
          readBytes(config)
        } catch (error) {
          expect(toXbuildError(error).code).toBe('BAD_IMAGE')
        }
      }),
    )
  })
})

test.each([
  ['linux/amd64', 'linux-amd64'],
  ['linux/arm/v7', 'linux-arm-v7'],
  ['linux/arm64', 'linux-arm64'],
])('%s is kept under %s', (platform, name) => {
  expect(platformName(parsePlatform(platform))).toBe(name)
})
