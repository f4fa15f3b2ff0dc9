import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BuildEvent } from '../../src/events.ts'
import { parseAnnotation } from '../../src/oci/annotation.ts'
import { digestHex, sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { createTarReader } from '../../src/oci/tar-reader.ts'
import type { PlatformImage } from '../../src/publish/image-set.ts'
import { publish } from '../../src/publish/publish.ts'
import type { PublishOptions } from '../../src/publish/publish-options.ts'
import { twoSmallImages } from '../support/images.ts'
import { publishOptions } from '../support/publish-options.ts'

let folder: string
let events: BuildEvent[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xbuild-publish-'))
  events = []
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const twoImages = () => twoSmallImages(join(folder, 'store'))
const options = (images: readonly PlatformImage[], extra: Partial<PublishOptions>) =>
  publishOptions(images, { emit: (event) => events.push(event), ...extra })

const out = () => join(folder, 'out')
const readJsonFile = async (path: string) => JSON.parse(await readFile(path, 'utf8'))
const blobOf = (digest: string) => join(out(), 'blobs/sha256', digest.slice(7))

/** Names of everything in the test's folder but the store: leftovers of failed writes show up here. */
const left = async () => (await readdir(folder)).filter((name) => name !== 'store')

test('several platforms give an index in the order asked for; one gives its manifest as it was built', async () => {
  const images = await twoImages()
  const both = await publish(options(images, {}))
  const index = JSON.parse(both.bytes.toString())
  expect(index.manifests.map((entry: { platform: unknown }) => entry.platform)).toEqual([
    { architecture: 'arm64', os: 'linux' },
    { architecture: 'amd64', os: 'linux' },
  ])
  expect(both.digest).toBe(sha256(both.bytes))
  const [first] = images
  const single = await publish(options([first!], {}))
  expect(single.digest).toBe(first!.image.descriptor.digest)
})

test('an OCI layout holds everything, names the tags, and shares its blobs with the store', async () => {
  const images = await twoImages()
  const tags = ['a.example/x:1', 'b.example/x:1', 'a.example/x:2'].map(parseReference)
  const result = await publish(options(images, { tags, outputs: [{ type: 'oci', dest: out(), tar: false }] }))
  expect(result.outputs).toEqual([{ type: 'oci', dest: out() }])
  expect(await readFile(join(out(), 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}')
  const { manifests } = await readJsonFile(join(out(), 'index.json'))
  expect(manifests.map((entry: { annotations: unknown }) => entry.annotations)).toEqual([
    { 'io.containerd.image.name': 'a.example/x:1', 'org.opencontainers.image.ref.name': '1' },
    { 'io.containerd.image.name': 'b.example/x:1' },
    { 'io.containerd.image.name': 'a.example/x:2', 'org.opencontainers.image.ref.name': '2' },
  ])
  expect(new Set(manifests.map((entry: { digest: string }) => entry.digest))).toEqual(new Set([result.digest]))
  const names = await readdir(join(out(), 'blobs/sha256'))
  expect(names).toHaveLength(1 + 2 + 2 + 3) // index, manifests, configs, layers of which one is shared
  for (const name of names) expect(digestHex(sha256(await readFile(join(out(), 'blobs/sha256', name))))).toBe(name)
  const { config } = await readJsonFile(blobOf(images[0]!.image.descriptor.digest))
  expect((await stat(blobOf(config.digest))).ino).toBe(
    (await stat(join(folder, 'store', digestHex(config.digest)))).ino,
  )
  expect(await left()).toEqual(['out'])
})

test('a layout is replaced as a whole; what does not belong to it stays', async () => {
  const images = await twoImages()
  const outputs = [{ type: 'oci' as const, dest: out(), tar: false }]
  await publish(options(images, { outputs }))
  await writeFile(join(out(), 'notes.txt'), 'mine')
  await writeFile(join(out(), 'blobs', 'sha256', 'not-a-blob'), 'mine')
  await publish(options(images.slice(0, 1), { outputs }))
  expect((await readdir(out())).toSorted()).toEqual(['blobs', 'index.json', 'notes.txt', 'oci-layout'])
  expect(await readdir(join(out(), 'blobs/sha256'))).toHaveLength(1 + 1 + 2 + 1)
  expect((await readJsonFile(join(out(), 'index.json'))).manifests[0].digest).toBe(images[0]!.image.descriptor.digest)
})

test('blobs that a link shares with others are never removed', async () => {
  const images = await twoImages()
  const outputs = [{ type: 'oci' as const, dest: out(), tar: false }]
  await mkdir(join(folder, 'elsewhere', 'sha256'), { recursive: true })
  await writeFile(join(folder, 'elsewhere', 'sha256', 'a'.repeat(64)), 'of another layout')
  await mkdir(out())
  await writeFile(join(out(), 'oci-layout'), '{"imageLayoutVersion": "1.0.0"}')
  await symlink('../elsewhere', join(out(), 'blobs'))
  await publish(options(images, { outputs }))
  expect(await readdir(join(folder, 'elsewhere', 'sha256'))).toContain('a'.repeat(64))
})

test('an empty folder is filled in place; a folder with other files is refused and stays as it was', async () => {
  const images = await twoImages()
  const outputs = [{ type: 'oci' as const, dest: out(), tar: false }]
  await mkdir(out())
  const { ino } = await stat(out())
  await publish(options(images, { outputs }))
  expect((await stat(out())).ino).toBe(ino)
  await rm(join(out(), 'oci-layout'))
  const before = await readdir(out(), { recursive: true })
  await expect(publish(options(images, { outputs }))).rejects.toThrow(
    /Cannot write an OCI layout to ".*": it holds other files/,
  )
  expect(await readdir(out(), { recursive: true })).toEqual(before)
})

test.each(['absent', 'empty', 'layout'])(
  'a blob that is damaged in the store leaves the destination (%s) as it was',
  async (state) => {
    const images = await twoImages()
    const outputs = [{ type: 'oci' as const, dest: out(), tar: false }]
    if (state === 'empty') await mkdir(out())
    if (state === 'layout') await publish(options(images.slice(1), { outputs }))
    const before = state === 'absent' ? [] : (await readdir(out(), { recursive: true })).toSorted()
    const { layers } = JSON.parse(
      await readFile(join(folder, 'store', digestHex(images[0]!.image.descriptor.digest)), 'utf8'),
    )
    await truncate(join(folder, 'store', digestHex(layers[1].digest)), 10)
    await expect(publish(options(images, { outputs }))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    expect(await left()).toEqual(state === 'absent' ? [] : ['out'])
    if (state !== 'absent') expect((await readdir(out(), { recursive: true })).toSorted()).toEqual(before)
  },
)

test('an abort leaves nothing behind', async () => {
  const images = await twoImages()
  const stop = new AbortController()
  const outputs = [
    { type: 'oci' as const, dest: out(), tar: false },
    { type: 'oci' as const, dest: `${out()}.tar`, tar: true },
  ]
  const emit = (event: BuildEvent) => {
    if (event.type === 'step.start') stop.abort()
  }
  await expect(publish(options(images, { outputs, signal: stop.signal, emit }))).rejects.toMatchObject({
    name: 'AbortError',
  })
  expect(await left()).toEqual([])
})

test('an OCI archive is the same bytes each time, sorted, on a file and on stdout', async () => {
  const images = await twoImages()
  const stdout = new PassThrough()
  const chunks: Buffer[] = []
  stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const outputs = [
    { type: 'oci' as const, dest: join(folder, 'a.tar'), tar: true },
    { type: 'oci' as const, dest: '-', tar: true },
  ]
  await publish(options(images, { outputs, stdout, sourceDateEpoch: 1234 }))
  const bytes = await readFile(join(folder, 'a.tar'))
  expect(Buffer.concat(chunks)).toEqual(bytes)
  expect(stdout.writableEnded).toBe(false)
  const entries = entriesOf(bytes)
  expect(entries.map((entry) => entry.path)).toEqual(entries.map((entry) => entry.path).toSorted())
  expect(entries.filter((entry) => !entry.path.startsWith('blobs/sha256/')).map((entry) => entry.path)).toEqual([
    'blobs',
    'blobs/sha256',
    'index.json',
    'oci-layout',
  ])
  expect(new Set(entries.map((entry) => entry.mtime))).toEqual(new Set([1234]))
  expect((await left()).toSorted()).toEqual(['a.tar'])
})

test('a device as destination stays a device', async () => {
  await publish(options(await twoImages(), { outputs: [{ type: 'oci', dest: '/dev/null', tar: true }] }))
  expect((await stat('/dev/null')).isCharacterDevice()).toBe(true)
})

test('annotations go where they are meant to, and change the digests of what they are written into', async () => {
  const images = await twoImages()
  const texts = [
    'm=1',
    'manifest[linux/arm64]:only=arm',
    'index:i=2',
    'manifest-descriptor:d=3',
    'index-descriptor:l=4',
  ]
  const result = await publish(
    options(images, { annotations: texts.map(parseAnnotation), outputs: [{ type: 'oci', dest: out(), tar: false }] }),
  )
  const index = JSON.parse(result.bytes.toString())
  expect(index.annotations).toEqual({ i: '2' })
  expect(index.manifests.map((entry: { annotations: unknown }) => entry.annotations)).toEqual([{ d: '3' }, { d: '3' }])
  const [arm, amd] = await Promise.all(
    index.manifests.map((entry: { digest: string }) => readJsonFile(blobOf(entry.digest))),
  )
  expect([arm.annotations, amd.annotations]).toEqual([{ m: '1', only: 'arm' }, { m: '1' }])
  expect((await readJsonFile(join(out(), 'index.json'))).manifests[0].annotations).toEqual({ l: '4' })
})

test('one platform has a descriptor for annotations, in index.json and in the metadata, and no index', async () => {
  const [image] = await twoImages()
  const write = (...texts: string[]) =>
    publish(
      options([image!], {
        annotations: texts.map(parseAnnotation),
        tags: [parseReference('r.example/y:2')],
        outputs: [{ type: 'oci', dest: out(), tar: false }],
      }),
    )
  const { digest, metadata } = await write('manifest-descriptor:d=3', 'manifest-descriptor[linux/arm64]:e=4')
  expect(digest).toBe(image!.image.descriptor.digest)
  expect((await readJsonFile(join(out(), 'index.json'))).manifests[0].annotations).toEqual({
    d: '3',
    e: '4',
    'io.containerd.image.name': 'r.example/y:2',
    'org.opencontainers.image.ref.name': '2',
  })
  expect(metadata).toMatchObject({ 'containerimage.descriptor': { digest, annotations: { d: '3', e: '4' } } })
  for (const level of ['index', 'index-descriptor']) await expect(write(`${level}:a=b`)).rejects.toThrow(/has no index/)
})

test('metadata and image ID are written as buildx does', async () => {
  const images = await twoImages()
  const metadataFile = join(folder, 'meta', 'build.json')
  const iidFile = join(folder, 'iid')
  const tags = [parseReference('x'), parseReference('r.example/y:2')]
  const both = await publish(options(images, { tags, metadataFile, iidFile }))
  expect(await readJsonFile(metadataFile)).toEqual({
    'containerimage.descriptor': both.descriptor,
    'containerimage.digest': both.digest,
    'image.name': 'docker.io/library/x:latest,r.example/y:2',
    'xbuild.platforms': Object.fromEntries(
      ['linux/arm64', 'linux/amd64'].map((platform, index) => [
        platform,
        {
          'containerimage.digest': images[index]!.image.descriptor.digest,
          'containerimage.config.digest': both.platforms[index]!.configDigest,
        },
      ]),
    ),
  })
  expect(await readFile(iidFile, 'utf8')).toBe(both.digest)
  const single = await publish(options(images.slice(0, 1), { metadataFile, iidFile }))
  const { config } = JSON.parse(single.bytes.toString())
  expect(await readJsonFile(metadataFile)).toEqual({
    'containerimage.config.digest': config.digest,
    'containerimage.descriptor': { ...single.descriptor, platform: { architecture: 'arm64', os: 'linux' } },
    'containerimage.digest': single.digest,
    'xbuild.platforms': {
      'linux/arm64': { 'containerimage.digest': single.digest, 'containerimage.config.digest': config.digest },
    },
  })
  expect(await readFile(iidFile, 'utf8')).toBe(config.digest)
})

function entriesOf(bytes: Buffer) {
  const entries: { path: string; mtime: number }[] = []
  const reader = createTarReader({ entry: (entry) => entries.push(entry), data: () => {}, end: () => {} })
  reader.write(bytes)
  reader.finish()
  return entries
}
