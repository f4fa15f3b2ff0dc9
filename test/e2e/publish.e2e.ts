import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { BuildEvent } from '../../src/events.ts'
import { execOk } from '../../src/host/exec.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { publish } from '../../src/publish/publish.ts'
import type { PublishOptions } from '../../src/publish/publish-options.ts'
import type { PlatformImage } from '../../src/publish/image-set.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import { smallImage } from '../support/images.ts'
import { publishOptions } from '../support/publish-options.ts'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'

const ARCHITECTURES = ['amd64', 'arm64'] as const
let registry: DebianRegistry
let folder: string
let images: PlatformImage[]
let events: BuildEvent[]

beforeAll(async () => {
  registry = await startRegistry()
})
afterAll(() => registry.stop())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xbuild-e2e-publish-'))
  const below = [{ path: 'shared', data: 'x'.repeat(300_000) }]
  images = await Promise.all(ARCHITECTURES.map((name) => smallImage(join(folder, 'store'), `linux/${name}`, { below })))
  events = []
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const at = (...names: string[]) => join(folder, ...names)
const skopeo = (...args: string[]) => execOk('skopeo', ['--insecure-policy', ...args])

const run = (extra: Partial<PublishOptions>) =>
  publish(publishOptions(images, { emit: (event) => events.push(event), ...extra }))

/** Pushes with our client and gives back the index. */
async function push(...names: string[]) {
  const client = createRegistryClient({ registries: {}, env: { HOME: folder } })
  try {
    return await run({ tags: names.map(parseReference), outputs: [{ type: 'registry' }], registry: async () => client })
  } finally {
    await client.close()
  }
}

test('skopeo reads the index of a layout and copies it, digest for digest', async () => {
  const { bytes, digest } = await run({
    tags: [parseReference('app:1')],
    outputs: [{ type: 'oci', dest: at('out'), tar: false }],
  })
  expect(await skopeo('inspect', '--raw', `oci:${at('out')}`)).toBe(bytes.toString())
  await skopeo('copy', '--all', '--preserve-digests', `oci:${at('out')}:1`, `oci:${at('copy')}:1`)
  const index = JSON.parse(await readFile(at('copy', 'index.json'), 'utf8'))
  expect(index.manifests[0].digest).toBe(digest)
  expect((await readdir(at('copy', 'blobs', 'sha256'))).toSorted()).toEqual(
    (await readdir(at('out', 'blobs', 'sha256'))).toSorted(),
  )
  for (const architecture of ARCHITECTURES) {
    const config = JSON.parse(
      await skopeo('inspect', '--config', '--override-arch', architecture, `oci:${at('out')}:1`),
    )
    expect(config).toMatchObject({ architecture, os: 'linux', config: { Cmd: ['/hello'] } })
  }
})

test('skopeo reads an OCI archive', async () => {
  const { bytes } = await run({
    tags: [parseReference('app:1')],
    outputs: [{ type: 'oci', dest: at('out.tar'), tar: true }],
  })
  expect(await skopeo('inspect', '--raw', `oci-archive:${at('out.tar')}`)).toBe(bytes.toString())
  await skopeo('copy', '--override-arch', 'arm64', `oci-archive:${at('out.tar')}:1`, `dir:${at('arm64')}`)
  const { layers } = JSON.parse(await readFile(at('arm64', 'manifest.json'), 'utf8'))
  expect(layers).toHaveLength(2)
})

test('umoci lists the tags of a layout and unpacks a single image', async () => {
  await run({
    tags: ['app:1', 'other:1', 'app:2'].map(parseReference),
    outputs: [{ type: 'oci', dest: at('both'), tar: false }],
  })
  expect((await execOk('umoci', ['ls', '--layout', at('both')])).trim().split('\n').toSorted()).toEqual(['1', '2'])
  await run({
    images: images.slice(1),
    tags: [parseReference('app:1')],
    outputs: [{ type: 'oci', dest: at('one'), tar: false }],
  })
  await execOk('umoci', ['unpack', '--rootless', '--image', `${at('one')}:1`, at('bundle')])
  expect(await readFile(at('bundle', 'rootfs', 'etc', 'platform'), 'utf8')).toBe('linux/arm64\n')
  const runtime = JSON.parse(await readFile(at('bundle', 'config.json'), 'utf8'))
  expect(runtime.process.args).toEqual(['/hello'])
})

test('a registry holds what was pushed, for both platforms, under every tag', async () => {
  const names = [`${registry.host}/team/app:1`, `${registry.host}/team/app:2`, `${registry.host}/team/other:1`]
  const { bytes, digest } = await push(...names)
  for (const name of names)
    expect(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`)).toBe(bytes.toString())
  const { manifests } = JSON.parse(bytes.toString())
  for (const [index, architecture] of ARCHITECTURES.entries()) {
    const dest = at(architecture)
    await skopeo(
      'copy',
      '--src-tls-verify=false',
      '--override-arch',
      architecture,
      `docker://${names[0]}`,
      `dir:${dest}`,
    )
    const manifest = await readFile(join(dest, 'manifest.json'))
    expect(sha256(manifest)).toBe(manifests[index].digest)
    const { layers } = JSON.parse(manifest.toString())
    expect((await readFile(join(dest, layers[1].digest.slice(7)))).toString()).toContain(`linux/${architecture}\n`)
  }
  expect(digest).toBe(sha256(bytes))
})

test('a second push sends nothing, a second repository mounts', async () => {
  const uploaded = () => events.filter((event) => event.type === 'transfer' && event.done).length
  await push(`${registry.host}/again/app:1`, `${registry.host}/again/other:1`)
  expect(uploaded()).toBe(5)
  events = []
  await push(`${registry.host}/again/app:1`, `${registry.host}/again/app:2`)
  expect(uploaded()).toBe(0)
})

test('one platform is pushed as a plain manifest', async () => {
  images = images.slice(0, 1)
  const name = `${registry.host}/single/app:1`
  const { bytes } = await push(name)
  expect(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`)).toBe(bytes.toString())
  expect(JSON.parse(bytes.toString()).mediaType).toBe(MEDIA_TYPE.manifest)
})

test('a registry that is not there is an error, and the other outputs are complete', async () => {
  const gone = await startRegistry()
  await gone.stop()
  const client = createRegistryClient({ registries: {}, env: { HOME: folder } })
  const outputs = [{ type: 'registry' as const }, { type: 'oci' as const, dest: at('out'), tar: false }]
  const work = run({ tags: [parseReference(`${gone.host}/x:1`)], outputs, registry: async () => client })
  await expect(work).rejects.toMatchObject({ code: 'REGISTRY', message: expect.stringContaining(gone.host) })
  await client.close()
  expect(await skopeo('inspect', '--raw', `oci:${at('out')}:1`)).toContain('manifests')
})
