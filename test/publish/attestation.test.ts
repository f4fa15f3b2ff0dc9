import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseAnnotation } from '../../src/oci/annotation.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { createTarReader } from '../../src/oci/tar-reader.ts'
import type { PlatformImage } from '../../src/publish/image-set.ts'
import { publish } from '../../src/publish/publish.ts'
import type { PublishOptions } from '../../src/publish/publish-options.ts'
import { smallImage, twoSmallImages, type SmallEntry } from '../support/images.ts'
import { publishOptions } from '../support/publish-options.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'xbuild-attested-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

const attestation = {
  predicateType: 'https://slsa.dev/provenance/v1',
  predicate: { how: 'well' },
  file: 'provenance.json',
}
const said = (images: readonly PlatformImage[], file: string | undefined = attestation.file) =>
  images.map((image) => ({ ...image, attestations: [{ ...attestation, ...(file ? { file } : {}) }] }))
const out = (...names: string[]) => join(folder, 'out', ...names)
const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'))
const run = (images: readonly PlatformImage[], extra: Partial<PublishOptions>) =>
  publish(publishOptions(images, { sourceDateEpoch: 5, ...extra }))
const local = () => ({ outputs: [{ type: 'local' as const, dest: out() }] })

test('a layout holds every attestation, and each names its image', async () => {
  const images = said(await twoSmallImages(join(folder, 'store')))
  const result = await run(images, {
    tags: [parseReference('r.example/app:1')],
    outputs: [{ type: 'oci', dest: out(), tar: false }],
    metadataFile: join(folder, 'meta.json'),
    provenance: new Map([
      ['linux/arm64', 1],
      ['linux/amd64', 2],
    ]),
  })
  const { manifests } = JSON.parse(result.bytes.toString())
  expect(manifests).toHaveLength(4)
  for (const [index, entry] of manifests.slice(2).entries()) {
    expect(entry.annotations['vnd.docker.reference.digest']).toBe(manifests[index].digest)
    const { layers } = await readJson(out('blobs/sha256', entry.digest.slice(7)))
    const { subject, predicate } = await readJson(out('blobs/sha256', layers[0].digest.slice(7)))
    const { os, architecture } = manifests[index].platform
    expect(subject).toEqual([
      {
        name: `pkg:docker/r.example/app@1?platform=${os}%2F${architecture}`,
        digest: { sha256: manifests[index].digest.slice(7) },
      },
    ])
    expect(predicate).toEqual({ how: 'well' })
  }
  for (const name of await readdir(out('blobs/sha256')))
    expect(sha256(await readFile(out('blobs/sha256', name)))).toBe(`sha256:${name}`)
  expect(result.attested.map(({ descriptor }) => descriptor.mediaType)).toHaveLength(6)
  expect(await readJson(join(folder, 'meta.json'))).toMatchObject({
    'buildx.build.provenance/linux/arm64': 1,
    'buildx.build.provenance/linux/amd64': 2,
  })
})

test('one platform becomes an index, which annotations may be for; docker load still finds its image', async () => {
  const images = said([await smallImage(join(folder, 'store'), 'linux/arm64')])
  const result = await run(images, {
    annotations: [parseAnnotation('index:a=b')],
    outputs: [{ type: 'docker', dest: join(folder, 'x.tar') }],
    iidFile: join(folder, 'iid'),
    metadataFile: join(folder, 'meta.json'),
    provenance: new Map([['linux/arm64', 1]]),
  })
  expect(JSON.parse(result.bytes.toString())).toMatchObject({
    annotations: { a: 'b' },
    manifests: [{ platform: { architecture: 'arm64' } }, { platform: { architecture: 'unknown' } }],
  })
  expect(await readFile(join(folder, 'iid'), 'utf8')).toBe(result.digest)
  expect(await readJson(join(folder, 'meta.json'))).toMatchObject({ 'buildx.build.provenance': 1 })
  const files = await readTar(await readFile(join(folder, 'x.tar')))
  const [{ Config, Layers }] = JSON.parse(files.get('manifest.json')!)
  expect(JSON.parse(files.get(Config)!)).toMatchObject({ architecture: 'arm64' })
  expect(Layers).toHaveLength(1)
  await expect(
    run(
      images.map(({ platform, image }) => ({ platform, image })),
      { annotations: [parseAnnotation('index:a=b')] },
    ),
  ).rejects.toThrow('has no index')
})

test('files are exported with what is said of them, and of each file', async () => {
  await mkdir(out(), { recursive: true })
  await writeFile(join(folder, 'mine'), 'mine')
  await symlink(join(folder, 'mine'), out('provenance.json')) // an older export may have left anything
  await run(
    said([
      await imageOf([
        { path: 'a', data: 'one' },
        { path: 'b', type: 'hardlink', link: 'a' },
      ]),
    ]),
    local(),
  )
  expect(await readJson(out('provenance.json'))).toMatchObject({
    predicate: { how: 'well' },
    subject: [
      { name: 'a', digest: { sha256: sha256('one').slice(7) } },
      { name: 'b', digest: { sha256: sha256('one').slice(7) } },
    ],
  })
  expect(await readFile(join(folder, 'mine'), 'utf8')).toBe('mine')
  expect((await lstat(out('provenance.json'))).mode & 0o777).toBe(0o600)
})

test('of several platforms each folder has its own', async () => {
  const images = said(await twoSmallImages(join(folder, 'store')))
  await run(images, { outputs: [{ type: 'tar', dest: join(folder, 'x.tar') }] })
  const files = await readTar(await readFile(join(folder, 'x.tar')))
  for (const name of ['linux_arm64', 'linux_amd64'])
    expect(JSON.parse(files.get(`${name}/provenance.json`)!).subject[0].name).toBe('etc/platform')
})

test('an image that has such a file itself is refused, unless the attestation goes elsewhere', async () => {
  const images = [await imageOf([{ path: 'provenance.json', data: '{}' }])]
  await expect(run(said(images), local())).rejects.toMatchObject({
    code: 'BAD_OPTION',
    message: expect.stringContaining('"provenance.json"'),
  })
  expect(await readdir(folder)).toEqual(['store'])
  await run(said(images, 'made.json'), local())
  expect((await readdir(out())).toSorted()).toEqual(['made.json', 'provenance.json'])
  await rm(out(), { recursive: true })
  await run(
    images.map((image) => ({ ...image, attestations: [{ predicateType: 'x', predicate: {} }] })),
    local(),
  )
  expect(await readdir(out())).toEqual(['provenance.json'])
})

async function imageOf(files: readonly SmallEntry[]): Promise<PlatformImage> {
  return smallImage(join(folder, 'store'), 'linux/amd64', { files })
}

async function readTar(bytes: Buffer): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  let path = ''
  const reader = createTarReader({
    entry: (entry) => void files.set((path = entry.path), ''),
    data: (chunk) => void files.set(path, files.get(path)! + Buffer.from(chunk).toString()),
    end: () => {},
  })
  reader.write(bytes)
  return files
}
