import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readSavedImage } from '../../../src/driver/docker/read-image.ts'
import { encodeTarHeader, paddingOf } from '../../../src/oci/tar-format.ts'
import { parsePlatform } from '../../../src/platform.ts'
import { openStore } from '../../../src/store/store.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const SMALL = tar({ 'a.txt': Buffer.from('a') })
const LARGE = tar({ 'b.bin': Buffer.alloc(200_000, 'b') })

function tar(files: Readonly<Record<string, Buffer | string>>, link?: readonly [path: string, to: string]): Buffer {
  const common = { mode: 0o644, uid: 0, gid: 0, mtime: 0 }
  const parts = Object.entries(files).flatMap(([path, content]) => {
    const bytes = Buffer.from(content)
    return [
      encodeTarHeader({ ...common, path, type: 'file', size: bytes.length }),
      bytes,
      Buffer.alloc(paddingOf(bytes.length)),
    ]
  })
  const links = link ? [encodeTarHeader({ ...common, path: link[0], type: 'symlink', size: 0, link: link[1] })] : []
  return Buffer.concat([...parts, ...links, Buffer.alloc(1024)])
}

function config(layers: readonly Buffer[], more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    docker_version: '20.10',
    container_config: {},
    config: { Cmd: ['/a'], OnBuild: null, Image: 'sha256:x' },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${sha(layer)}`) },
    history: [{ created: '2026-01-01T00:00:00Z', created_by: 'COPY a' }],
    ...more,
  })
}

async function read(
  archive: Buffer,
  { platform = 'linux/amd64', sourceDateEpoch }: { platform?: string; sourceDateEpoch?: number } = {},
) {
  const store = await openStore(tempFolder())
  async function* pieces() {
    for (let at = 0; at < archive.length; at += 1000) yield archive.subarray(at, at + 1000)
  }
  const options = {
    store,
    platform: parsePlatform(platform),
    endpoint: 'unix:///x',
    signal: new AbortController().signal,
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
  }
  const result = await readSavedImage(pieces(), options).finally(() =>
    expect(readdirSync(store.folder.tmp)).toEqual([]),
  )
  const blob = (digest: string) => readFileSync(store.blobs.path(digest))
  const manifest = JSON.parse(blob(result.descriptor.digest).toString()) as {
    config: { digest: string }
    layers: { mediaType: string; digest: string; size: number }[]
  }
  return {
    ...result,
    manifest,
    layers: manifest.layers.map(({ digest }) => blob(digest)),
    written: JSON.parse(blob(manifest.config.digest).toString()) as Record<string, unknown>,
    store,
  }
}

const list = (layers: readonly string[], path = 'config.json') =>
  JSON.stringify([{ Config: path, RepoTags: ['x:1'], Layers: layers }])

test('plain layers are packed, whatever their names; links lead to them; the config is one of the image-spec', async () => {
  const archive = tar(
    {
      'one/layer.tar': SMALL,
      'two/layer.tar': LARGE,
      'config.json': config([SMALL, LARGE, SMALL]),
      'manifest.json': list(['one/layer.tar', 'two/layer.tar', 'three/layer.tar']),
    },
    ['three/layer.tar', '../one/layer.tar'],
  )
  const { layers, manifest, written, descriptor } = await read(archive)
  expect(layers.map((bytes) => gunzipSync(bytes).equals(SMALL))).toEqual([true, false, true])
  expect(gunzipSync(layers[1]!).equals(LARGE)).toBe(true)
  expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual(
    Array(3).fill('application/vnd.oci.image.layer.v1.tar+gzip'),
  )
  expect(Object.keys(written)).toEqual(['created', 'architecture', 'os', 'config', 'rootfs', 'history'])
  expect(written['config']).toEqual({ Cmd: ['/a'] })
  expect(descriptor.platform).toEqual({ architecture: 'amd64', os: 'linux' })
})

test('packed layers of a layout are kept as they are', async () => {
  const packed = gzipSync(LARGE)
  const blob = `blobs/sha256/${sha(packed)}`
  const { layers } = await read(tar({ [blob]: packed, 'config.json': config([LARGE]), 'manifest.json': list([blob]) }))
  expect(layers[0]!.equals(packed)).toBe(true)
})

test('the same image gives the same digest; SOURCE_DATE_EPOCH bounds its times', async () => {
  const archive = tar({ 'l.tar': SMALL, 'config.json': config([SMALL]), 'manifest.json': list(['l.tar']) })
  expect((await read(archive)).descriptor).toEqual((await read(archive)).descriptor)
  expect((await read(archive, { sourceDateEpoch: 0 })).written).toMatchObject({
    created: '1970-01-01T00:00:00Z',
    history: [{ created: '1970-01-01T00:00:00Z' }],
  })
})

test('a variant that the engine left out is the one that was asked for', async () => {
  const archive = tar({
    'l.tar': SMALL,
    'config.json': config([SMALL], { architecture: 'arm' }),
    'manifest.json': list(['l.tar']),
  })
  expect((await read(archive, { platform: 'linux/arm/v6' })).written).toMatchObject({
    architecture: 'arm',
    variant: 'v6',
  })
})

const GOOD = { 'l.tar': SMALL, 'config.json': config([SMALL]), 'manifest.json': list(['l.tar']) }
test.each([
  [
    'another platform',
    tar({ ...GOOD, 'config.json': config([SMALL], { architecture: 'arm64' }) }),
    /it is for linux\/arm64, and linux\/amd64 was asked for/,
  ],
  ['other bytes', tar({ ...GOOD, 'l.tar': LARGE }), /does not match its digest/],
  [
    'other bytes in a blob',
    tar({
      ...GOOD,
      [`blobs/sha256/${'0'.repeat(64)}`]: SMALL,
      'manifest.json': list([`blobs/sha256/${'0'.repeat(64)}`]),
    }),
    /does not match its digest/,
  ],
  ['a missing layer', tar({ ...GOOD, 'manifest.json': list(['m.tar']) }), /its layer "m.tar" is missing/],
  [
    'more layers than the config',
    tar({ ...GOOD, 'manifest.json': list(['l.tar', 'l.tar']) }),
    /has 2 layers, and its config says 1/,
  ],
  ['no list', tar({ 'l.tar': SMALL }), /"manifest.json" is missing/],
  ['a damaged list', tar({ ...GOOD, 'manifest.json': '{' }), /manifest.json is damaged/],
  ['a damaged config', tar({ ...GOOD, 'config.json': '[]' }), /image config/],
  [
    'links in a circle',
    tar({ 'config.json': GOOD['config.json'], 'manifest.json': GOOD['manifest.json'] }, ['l.tar', 'l.tar']),
    /its layer "l.tar" is missing/,
  ],
  ['an archive that was cut', tar(GOOD).subarray(0, 3000), /tar/],
])('%s is refused, and nothing stays', async (_, archive, message) => {
  await expect(read(archive)).rejects.toThrow(message)
})

test('a path that leaves the archive is a name like any other', async () => {
  const { layers } = await read(
    tar({ '../../l.tar': SMALL, 'config.json': config([SMALL]), 'manifest.json': list(['../../l.tar']) }),
  )
  expect(gunzipSync(layers[0]!).equals(SMALL)).toBe(true)
})
