import fc from 'fast-check'
import { expect, test } from 'vitest'
import { XbuildError } from '../../src/errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parseImageConfig } from '../../src/oci/read-image-config.ts'
import { MAX_MANIFEST_BYTES, parseIndex, parseManifest } from '../../src/oci/read-manifest.ts'

const digest = sha256('x')
const config = { mediaType: MEDIA_TYPE.config, digest, size: 1 }
const layer = { mediaType: MEDIA_TYPE.layerGzip, digest, size: 1 }
const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: [layer] }
const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] as unknown[] }
const image = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [digest] } }

function as(mediaType: string, value: unknown): [Buffer, Descriptor] {
  const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  return [bytes, { mediaType, digest: sha256(bytes), size: bytes.length }]
}

test('a manifest without mediaType takes that of its descriptor', () => {
  const { mediaType: _, ...bare } = manifest
  expect(parseManifest(...as(MEDIA_TYPE.manifest, bare))).toEqual(manifest)
})

test('Docker manifests are read and keep their media types', () => {
  const docker = {
    ...manifest,
    mediaType: MEDIA_TYPE.dockerManifest,
    config: { ...config, mediaType: MEDIA_TYPE.dockerConfig },
  }
  expect(parseManifest(...as(MEDIA_TYPE.dockerManifest, docker))).toEqual(docker)
})

test.each<[string, unknown, RegExp]>([
  ['no JSON', '{', /it is not JSON/],
  ['no object', '[]', /it is not an object/],
  ['null', 'null', /it is not an object/],
  ['schema 1', { schemaVersion: 1, name: 'x', fsLayers: [] }, /schemaVersion is 1: this old format/],
  ['no version', { mediaType: MEDIA_TYPE.manifest }, /schemaVersion is missing/],
  ['an index', { ...index }, /mediaType is ".*index.*", its descriptor says/],
  ['two kinds at once', { ...manifest, manifests: [] }, /manifests must not be there/],
  ['no config', { ...manifest, config: undefined }, /config is missing/],
  [
    'an artifact',
    { ...manifest, config: { ...config, mediaType: MEDIA_TYPE.empty } },
    /an artifact, not a container image/,
  ],
  ['layers no list', { ...manifest, layers: {} }, /layers is not a list/],
  ['a foreign layer', { ...manifest, layers: [{ ...layer, mediaType: 'text/plain' }] }, /layers\[0\] is "text\/plain"/],
  [
    'a bad digest',
    { ...manifest, layers: [{ ...layer, digest: 'sha256:../../etc/passwd' }] },
    /layers\[0\]\.digest is "sha256:\.\.\/\.\.\/etc\/passwd", which is not a digest/,
  ],
  ['a negative size', { ...manifest, layers: [{ ...layer, size: -1 }] }, /layers\[0\]\.size is not a whole number/],
  ['a huge size', { ...manifest, layers: [{ ...layer, size: 2 ** 53 }] }, /layers\[0\]\.size is not a whole number/],
  ['a size as text', { ...manifest, layers: [{ ...layer, size: '1' }] }, /layers\[0\]\.size is not a whole number/],
  ['annotations no map', { ...manifest, annotations: { a: 1 } }, /annotations\.a is not a string/],
  [
    'too many layers',
    { ...manifest, layers: Array.from({ length: 10_001 }, () => layer) },
    /layers has more than 10000 entries/,
  ],
])('a manifest is refused: %s', (_, value, message) => {
  expect(() => parseManifest(...as(MEDIA_TYPE.manifest, value))).toThrow(message)
})

test('a document of another size or type than its descriptor says is refused', () => {
  const [bytes, descriptor] = as(MEDIA_TYPE.manifest, manifest)
  expect(() => parseManifest(bytes, { ...descriptor, size: 1 })).toThrow(/its descriptor says 1/)
  expect(() => parseManifest(bytes, { ...descriptor, mediaType: MEDIA_TYPE.dockerManifest })).toThrow(
    /mediaType is ".*", its descriptor says/,
  )
  expect(() => parseIndex(bytes, descriptor)).toThrow(/is the manifest of one image where an image index is expected/)
  expect(() => parseManifest(Buffer.alloc(MAX_MANIFEST_BYTES + 1), descriptor)).toThrow(
    /more than the 4194304 that are allowed/,
  )
})

test('an index keeps nested indexes and entries of unknown types', () => {
  const manifests = [
    { mediaType: MEDIA_TYPE.index, digest, size: 1 },
    {
      mediaType: 'application/x',
      digest,
      size: 1,
      artifactType: 'y',
      platform: { os: 'windows', architecture: 'amd64', 'os.version': '10.0' },
    },
  ]
  expect(parseIndex(...as(MEDIA_TYPE.index, { ...index, manifests })).manifests).toEqual(manifests)
})

test.each<[string, unknown, RegExp]>([
  ['layers', { ...index, layers: [] }, /layers must not be there/],
  [
    'a platform without os',
    { ...index, manifests: [{ ...config, platform: { architecture: 'arm' } }] },
    /manifests\[0\]\.platform\.os is missing/,
  ],
  ['no entries', { schemaVersion: 2, mediaType: MEDIA_TYPE.index }, /manifests is missing/],
])('an index is refused: %s', (_, value, message) => {
  expect(() => parseIndex(...as(MEDIA_TYPE.index, value))).toThrow(message)
})

test('a config in the way Go writes it is read: null is absent, sets are maps of nothing', () => {
  const read = parseImageConfig(
    ...as(MEDIA_TYPE.dockerConfig, {
      ...image,
      docker_version: '20',
      config: {
        Cmd: null,
        Env: ['A=b'],
        Volumes: { '/data': {} },
        ExposedPorts: { '80/tcp': null },
        Healthcheck: { Test: ['NONE'], Retries: 3 },
      },
      history: [{ created_by: 'x', empty_layer: true, unknown: 1 }],
    }),
  )
  expect(read).toEqual({
    ...image,
    config: {
      Env: ['A=b'],
      Volumes: { '/data': {} },
      ExposedPorts: { '80/tcp': {} },
      Healthcheck: { Test: ['NONE'], Retries: 3 },
    },
    history: [{ created_by: 'x', empty_layer: true }],
  })
})

test.each<[string, unknown, RegExp]>([
  ['no os', { ...image, os: '' }, /os is empty/],
  ['no rootfs', { os: 'linux', architecture: 'arm' }, /rootfs is missing/],
  ['another rootfs', { ...image, rootfs: { type: 'x' } }, /rootfs\.type is not "layers"/],
  ['Env as a map', { ...image, config: { Env: { A: 'b' } } }, /config\.Env is not a list/],
  [
    'a diff id',
    { ...image, rootfs: { type: 'layers', diff_ids: ['x'] } },
    /rootfs\.diff_ids\[0\] is "x", which is not a digest/,
  ],
])('a config is refused: %s', (_, value, message) => {
  expect(() => parseImageConfig(...as(MEDIA_TYPE.config, value))).toThrow(message)
})

test('hostile JSON is read or refused with our error, never anything else', () => {
  const somewhere = fc.constantFrom(
    'schemaVersion',
    'mediaType',
    'config',
    'layers',
    'manifests',
    'annotations',
    'os',
    'architecture',
    'rootfs',
    'history',
  )
  const hostile = fc.dictionary(somewhere, fc.jsonValue({ maxDepth: 4 }))
  fc.assert(
    fc.property(
      hostile,
      fc.constantFrom(manifest, index, image, {}),
      fc.constantFrom(MEDIA_TYPE.manifest, MEDIA_TYPE.index, ''),
      (extra, base, type) => {
        for (const parse of [parseManifest, parseIndex, parseImageConfig]) {
          try {
            parse(...as(type, { ...base, ...extra }))
          } catch (error) {
            expect(error).toBeInstanceOf(XbuildError)
            expect((error as XbuildError).code).toBe('BAD_IMAGE')
          }
        }
      },
    ),
  )
})

test('bytes that are no text and nesting without end are refused', () => {
  expect(() => parseManifest(Buffer.from([0xff, 0xfe]), { ...config, size: 2 })).toThrow(/it is not JSON/)
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  expect(() => parseManifest(...as(MEDIA_TYPE.manifest, deep))).toThrow(XbuildError)
})
