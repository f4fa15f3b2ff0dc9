import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pushPacks } from '../../../src/cli/pack-registry.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'
import { createMakings, type Wanted } from '../../../src/emulation/packs/makings.ts'
import { manifestText, type PackManifest } from '../../../src/emulation/packs/pack.ts'
import { verifyPack } from '../../../src/emulation/packs/pack-folder.ts'
import { PACK_TARGETS } from '../../../src/emulation/packs/targets.ts'
import { PACK_TYPE } from '../../../src/engine/fetch-packs.ts'
import { createPackSource } from '../../../src/engine/pack-source.ts'
import { MEDIA_TYPE, type Descriptor } from '../../../src/oci/descriptor.ts'
import { makeDocument } from '../../../src/oci/make-manifest.ts'
import { createRegistryClient } from '../../../src/registry/client.ts'
import type { RegistryClient } from '../../../src/registry/types.ts'
import { host, NAME, packOf as testPack, program, sha, storePack } from '../../support/test-pack.ts'
import { startRegistry, type DebianRegistry } from '../../support/registry-debian.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-pack-source-'))
const signal = AbortSignal.timeout(60_000)
const terminal = { env: {}, stderr: { write: () => true } as unknown as Terminal['stderr'] }
let registry: DebianRegistry
let client: RegistryClient

beforeAll(async () => {
  registry = await startRegistry()
  client = createRegistryClient({ registries: {}, env: {} })
})
afterAll(async () => {
  await client.close()
  await registry.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A pack whose build-id, and whose version, are of one digit. */
const packOf = (id: string, change: Partial<PackManifest> = {}) => testPack(change, { id, version: id })

const publish = (name: string, manifests: readonly PackManifest[]) =>
  pushPacks(
    `${registry.host}/${name}:1`,
    manifests.map((one) => storePack(folder, one)),
    { folder, registries: {}, terminal, signal },
  )

const wanted = (id: string, change: Partial<Wanted> = {}): Wanted => ({
  matches: () => [],
  recipe: 'as',
  about: 'GNU as',
  architecture: 'riscv64',
  targets: PACK_TARGETS['riscv64']!,
  distribution: { id: 'debian', codename: 'trixie' },
  id: id.repeat(40),
  ...change,
})

function sourceOf(...names: string[]) {
  const warnings: string[] = []
  const store = mkdtempSync(join(folder, 'store-'))
  const options = { folder: store, signal, onWarning: (text: string) => void warnings.push(text) }
  return { find: createPackSource({ names, client }, options), warnings, store }
}

test('the pack with the build-id is fetched, of several versions and sets, and nothing of the others', async () => {
  const one = await publish('team/one', [packOf('a'), packOf('c', { distribution: 'debian bookworm' })])
  const two = await publish('team/two', [packOf('b'), packOf('d')])
  const { find, warnings, store } = sourceOf(one, two)
  const pack = await find(wanted('b'))
  expect(pack?.manifest.twin.id).toBe('b'.repeat(40))
  expect(await verifyPack(pack!)).toEqual([])
  expect(await find(wanted('c'))).toBeUndefined() // of another distribution
  expect(await find(wanted('e'))).toBeUndefined()
  expect(await find(wanted('a', { architecture: 'arm64' }))).toBeUndefined()
  expect(await find(wanted('a', { recipe: 'cc1' }))).toBeUndefined()
  expect(readdirSync(store)).toEqual([pack!.digest])
  expect(warnings).toEqual([])
})

test('whoever makes packs takes the one that can be fetched, and asks no archive', async () => {
  const { find, store } = sourceOf(await publish('team/makings', [packOf('a')]))
  const makings = createMakings({ folder: store, signal, fetch: find })
  expect((await makings.make(wanted('a'))).manifest.twin.id).toBe('a'.repeat(40))
  await makings.close()
})

test('a set that cannot be used is told once, and the next one is asked', async () => {
  const good = await publish('team/good', [packOf('a')])
  const gone = `${registry.host}/team/gone@sha256:${'0'.repeat(64)}`
  const { find, warnings } = sourceOf(gone, good)
  const found = await Promise.all([find(wanted('a')), find(wanted('a')), find(wanted('b'))])
  expect(found.map((pack) => pack?.manifest.twin.id)).toEqual(['a'.repeat(40), 'a'.repeat(40), undefined])
  expect(warnings).toEqual([expect.stringContaining(`Packs are made here, not fetched from "${gone}"`)])
})

/** A set whose only pack has its program packed as somebody says. */
async function publishPacked(name: string, packed: Buffer): Promise<string> {
  const at = { host: registry.host, repository: name }
  const push = async (mediaType: string, bytes: Buffer): Promise<Descriptor> => {
    const descriptor: Descriptor = { mediaType, digest: `sha256:${sha(bytes)}`, size: bytes.length }
    await client.pushBlob(at, descriptor, { signal, open: () => Readable.from([bytes]) })
    return descriptor
  }
  const layer = { ...(await push(PACK_TYPE.zipped, packed)), annotations: { [PACK_TYPE.title]: `bin/${NAME}` } }
  const config = await push(PACK_TYPE.config, Buffer.from(manifestText(packOf('a'))))
  const common = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest }
  const pack = makeDocument(MEDIA_TYPE.manifest, { ...common, artifactType: PACK_TYPE.pack, config, layers: [layer] })
  await client.pushManifest({ ...at, digest: pack.descriptor.digest }, pack, { signal })
  const { recipe, distribution, architecture } = packOf('a')
  const told = Object.entries({ recipe, distribution, architecture, host: host.debian })
  const annotations = Object.fromEntries(told.map(([key, value]) => [`${PACK_TYPE.about}${key}`, value]))
  const set = makeDocument(MEDIA_TYPE.index, {
    ...{ schemaVersion: 2, mediaType: MEDIA_TYPE.index, artifactType: PACK_TYPE.set },
    manifests: [{ ...pack.descriptor, annotations }],
  })
  await client.pushManifest({ ...at, digest: set.descriptor.digest }, set, { signal })
  return `${at.host}/${at.repository}@${set.descriptor.digest}`
}

test('files that are packed come out as the manifest of the pack says, or not at all', async () => {
  const good = sourceOf(await publishPacked('packed/good', gzipSync(program)))
  expect((await good.find(wanted('a')))?.manifest.recipe).toBe('as')
  for (const [name, packed] of Object.entries({
    damaged: Buffer.from('no gzip at all'),
    cut: gzipSync(program).subarray(0, -9),
    other: gzipSync(Buffer.alloc(program.length)),
    longer: gzipSync(Buffer.concat([program, Buffer.alloc(1 << 20)])),
  })) {
    const { find, warnings, store } = sourceOf(await publishPacked(`packed/${name}`, packed))
    expect(await find(wanted('a')), name).toBeUndefined()
    expect(warnings, name).toHaveLength(1)
    expect(readdirSync(store), name).toEqual([])
  }
})
