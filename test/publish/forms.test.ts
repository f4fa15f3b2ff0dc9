import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Output } from '../../src/config/options.ts'
import { parseOutput } from '../../src/config/output.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { makeManifest } from '../../src/oci/make-manifest.ts'
import type { Manifest } from '../../src/oci/manifest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import type { PlatformImage } from '../../src/publish/image-set.ts'
import { publish } from '../../src/publish/publish.ts'
import type { PublishOptions } from '../../src/publish/publish-options.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { folderSource, smallImage, tarOf, twoSmallImages } from '../support/images.ts'
import { memoryRegistry } from '../support/memory-registry.ts'
import { publishOptions } from '../support/publish-options.ts'

let folder: string
let store: Store
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xbuild-forms-'))
  store = await openStore(join(folder, 'xbuild'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const options = (images: readonly PlatformImage[], texts: readonly string[], extra: Partial<PublishOptions> = {}) =>
  publishOptions(images, { outputs: texts.map((text): Output => parseOutput(text, '-o')), store, ...extra })
const out = () => join(folder, 'out')
const blob = (digest: string) => readFileSync(join(out(), 'blobs/sha256', digest.slice(7)))
const manifestOf = (digest: string): Manifest => JSON.parse(blob(digest).toString())

test('an output has its own names, which --tag replaces', async () => {
  const images = await twoSmallImages(join(folder, 'store'))
  const registry = memoryRegistry()
  const texts = ['type=image,push=true,"name=a.example/x:1,a.example/y"', 'type=registry,name=b.example/x:2']
  const own = await publish(options(images, texts, { registry: async () => registry }))
  expect(own.outputs.flatMap((output) => ('refs' in output ? output.refs : []))).toEqual(
    ['a.example/x:1', 'a.example/y:latest', 'b.example/x:2'].map((name) => `${name}@${own.digest}`),
  )
  expect(own.metadata['image.name']).toBe('a.example/x:1,a.example/y:latest')
  expect(registry.manifestsOf('b.example/x').get('2')).toEqual(own.bytes)
  const tagged = memoryRegistry()
  const tags = [parseReference('c.example/z:3')]
  await publish(options(images, texts.slice(0, 1), { registry: async () => tagged, tags }))
  expect(tagged.manifestsOf('c.example/z').get('3')).toEqual(own.bytes)
  expect(tagged.manifestsOf('a.example/x').size).toBe(0)
})

test('a push by digest writes no tag', async () => {
  const registry = memoryRegistry()
  const recipe = 'type=image,push-by-digest=true,name-canonical=true,push=true,name=r.example/app'
  const images = await twoSmallImages(join(folder, 'store'))
  const result = await publish(options(images, [recipe], { registry: async () => registry }))
  expect(registry.log.filter((line) => line.startsWith('manifest'))).toHaveLength(3)
  expect([...registry.manifestsOf('r.example/app').keys()].filter((name) => !name.startsWith('sha256:'))).toEqual([])
  expect(registry.manifestsOf('r.example/app').get(result.digest)).toEqual(result.bytes)
  expect(result.outputs).toEqual([{ type: 'registry', refs: [`r.example/app@${result.digest}`] }])
  expect(result.metadata).toMatchObject({ 'containerimage.digest': result.digest, 'image.name': 'r.example/app' })
})

test("Docker's media types are those of list, manifests, configs and layers", async () => {
  const images = await twoSmallImages(join(folder, 'store'))
  const { digest } = await publish(options(images, [`type=oci,dest=${out()},oci-mediatypes=false`]))
  const list = JSON.parse(blob(digest).toString())
  expect(list.mediaType).toBe(MEDIA_TYPE.dockerList)
  for (const entry of list.manifests) {
    expect(entry.mediaType).toBe(MEDIA_TYPE.dockerManifest)
    const { mediaType, config, layers } = manifestOf(entry.digest)
    expect(mediaType).toBe(MEDIA_TYPE.dockerManifest)
    expect(config.mediaType).toBe(MEDIA_TYPE.dockerConfig)
    expect(layers.map((layer) => layer.mediaType)).toEqual(
      Array(2).fill('application/vnd.docker.image.rootfs.diff.tar'),
    )
  }
})

test('annotations of an output are in its image, and the store gets the manifests', async () => {
  const images = await twoSmallImages(join(folder, 'store'))
  const said =
    'annotation.A=1,annotation-index.b=2,annotation-manifest[linux/amd64].c=3,annotation-manifest-descriptor.d=4'
  const { digest, attested } = await publish(options(images, [`type=oci,dest=${out()},${said}`]))
  const index = JSON.parse(blob(digest).toString())
  expect(index.annotations).toEqual({ b: '2' })
  expect(index.manifests.map((entry: { annotations: unknown }) => entry.annotations)).toEqual([{ d: '4' }, { d: '4' }])
  expect(index.manifests.map((entry: { digest: string }) => manifestOf(entry.digest).annotations)).toEqual([
    { A: '1' },
    { A: '1', c: '3' },
  ])
  expect(attested.map(({ descriptor }) => descriptor.digest)).toEqual(
    index.manifests.map((entry: { digest: string }) => entry.digest),
  )
})

const MAGIC = { gzip: '1f8b', zstd: '28b52ffd' } as const

/** An image whose lower layer, of its base, and upper layer are packed with gzip. */
async function packedImage(): Promise<PlatformImage> {
  const { platform, image } = await smallImage(join(folder, 'store'), 'linux/arm64', { below: [{ path: 'base' }] })
  const source = folderSource(join(folder, 'store'))
  const tars = [tarOf([{ path: 'base' }]), tarOf([{ path: 'own', data: 'own\n'.repeat(5000) }])]
  const layers = await Promise.all(tars.map((tar) => source.put(gzipSync(tar), MEDIA_TYPE.layerGzip)))
  const config = await source.put(
    Buffer.from(JSON.stringify({ ...image.config, rootfs: { type: 'layers', diff_ids: tars.map(sha256) } })),
    MEDIA_TYPE.config,
  )
  const { descriptor, bytes } = makeManifest({ config, layers })
  await source.put(bytes, descriptor.mediaType)
  const own = { ...image.config, rootfs: { type: 'layers' as const, diff_ids: tars.map(sha256) } }
  return { platform, image: { ...image, descriptor, config: own, blobs: source, baseLayers: 1 } }
}

test.each([
  ['compression=zstd', ['gzip', 'zstd']],
  ['compression=zstd,compression-level=19,force-compression=true', ['zstd', 'zstd']],
  ['compression=uncompressed', ['gzip', 'plain']],
  ['force-compression=true,compression=uncompressed', ['plain', 'plain']],
  ['compression=gzip', ['gzip', 'gzip']],
  ['compression-level=0', ['gzip', 'gzip']],
] as const)('%s', async (said, forms) => {
  const entry = await packedImage()
  const { digest } = await publish(options([entry], [`type=oci,dest=${out()},${said}`]))
  const { layers } = manifestOf(digest)
  const types = { gzip: MEDIA_TYPE.layerGzip, zstd: MEDIA_TYPE.layerZstd, plain: MEDIA_TYPE.layer }
  expect(layers.map(({ mediaType }) => mediaType)).toEqual(forms.map((form) => types[form]))
  for (const [index, layer] of layers.entries()) {
    const bytes = blob(layer.digest)
    expect({ digest: sha256(bytes), size: bytes.length }).toEqual({ digest: layer.digest, size: layer.size })
    const form = forms[index]!
    if (form === 'plain') expect(layer.digest).toBe(entry.image.config.rootfs.diff_ids[index])
    else expect(bytes.toString('hex').startsWith(MAGIC[form])).toBe(true)
    if (form === 'gzip') expect(sha256(gunzipSync(bytes))).toBe(entry.image.config.rootfs.diff_ids[index])
  }
  // A level of 0 stores what it was given
  if (said === 'compression-level=0') expect(layers[1]!.size).toBeGreaterThan(20_000)
})

test('a layer that is not what the config says is not compressed anew', async () => {
  const { platform, image } = await packedImage()
  const [base] = image.config.rootfs.diff_ids
  const wrong = { ...image.config, rootfs: { type: 'layers' as const, diff_ids: [base!, base!] } }
  const entry = { platform, image: { ...image, config: wrong } }
  await expect(publish(options([entry], [`type=oci,dest=${out()},compression=zstd`]))).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
  })
})

test('several platforms go into one folder when they are not split, as long as no file is there twice', async () => {
  const files = (name: string) => [
    { path: 'bin', type: 'dir' as const, mode: 0o755 },
    { path: `bin/${name}`, data: name },
  ]
  const images = [
    await smallImage(join(folder, 'a'), 'linux/arm64', { files: files('arm') }),
    await smallImage(join(folder, 'b'), 'linux/amd64', { files: files('amd') }),
  ].map((image) => ({ ...image, attestations: [{ predicateType: 'a', predicate: {}, file: 'provenance.json' }] }))
  await publish(options(images, [`type=local,dest=${out()},platform-split=false,attestation-prefix=x-`]))
  expect(readFileSync(join(out(), 'bin/arm'), 'utf8')).toBe('arm')
  expect(readFileSync(join(out(), 'bin/amd'), 'utf8')).toBe('amd')
  const { subject } = JSON.parse(readFileSync(join(out(), 'x-provenance.linux_arm64.json'), 'utf8'))
  expect(subject.map(({ name }: { name: string }) => name)).toEqual(['bin/arm'])
  const same = [images[0]!, { ...images[1]!, image: images[0]!.image }]
  await expect(publish(options(same, [`type=local,dest=${out()}2,platform-split=false`]))).rejects.toThrow(
    'Cannot export "bin/arm" of linux/amd64: linux/arm64 has it too, and platform-split=false puts both into one folder',
  )
  await publish(options(images.slice(0, 1), [`type=local,dest=${out()}3,platform-split=true`]))
  expect(readFileSync(join(`${out()}3`, 'linux_arm64/bin/arm'), 'utf8')).toBe('arm')
})
