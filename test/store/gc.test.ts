import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { digestHex } from '../../src/oci/digest.ts'
import type { RecordKind } from '../../src/store/record-kinds.ts'
import { measureStore, pruneStore, type SnapshotAccess } from '../../src/store/gc.ts'
import { keyOf } from '../../src/store/key.ts'
import { openStore, type Store } from '../../src/store/store.ts'

let root: string
let store: Store
let asked: string[]
let access: SnapshotAccess

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'xbuild-gc-'))
  store = await openStore(root)
  asked = []
  access = {
    async measure(ids) {
      asked.push(...ids)
      return Object.fromEntries(ids.map((id) => [id, 5000]))
    },
    async remove(ids) {
      for (const id of ids) rmSync(join(store.folder.snapshots, id), { recursive: true })
    },
  }
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const request = { all: false, filters: [], now: Date.now() }
const KEY = (name: string) => keyOf(name)
const snapshot = (id: string) => mkdirSync(join(store.folder.snapshots, id))
const hasBlob = (descriptor: { digest: string }) => existsSync(store.blobs.path(descriptor.digest))

/** A named image out of a manifest with one layer, and a step with a packed snapshot. */
async function fill() {
  const layer = await store.blobs.put(Buffer.from('layer of the image'), MEDIA_TYPE.layerGzip)
  const config = await store.blobs.put(Buffer.from('{}'), MEDIA_TYPE.config)
  const manifest = await store.blobs.put(Buffer.from(JSON.stringify({ config, layers: [layer] })), MEDIA_TYPE.manifest)
  const index = await store.blobs.put(Buffer.from(JSON.stringify({ manifests: [manifest] })), MEDIA_TYPE.index)
  await store.records.put('images', KEY('app'), { tag: 'app', descriptor: index })
  const packed = await store.blobs.put(Buffer.from('layer of the step'), MEDIA_TYPE.layerGzip)
  snapshot('0123456789abcdef01234567')
  await store.records.put('packs', KEY('pack'), {
    empty: false,
    descriptor: packed,
    diffId: 'sha256:x',
    of: '0123456789abcdef01234567',
  })
  await store.records.put('origins', digestHex(packed.digest), { repositories: ['a.example/b'] })
  await store.records.put('steps', KEY('step'), {
    layer: { id: '0123456789abcdef01234567', empty: false },
    created: '2026-01-02T03:04:05Z',
    below: KEY('gone'),
    name: 'RUN x',
  })
  return { layer, config, manifest, index, packed }
}

test('a named image keeps its index, manifests, configs and layers', async () => {
  const { layer, config, manifest, index, packed } = await fill()
  const { removed, freed } = await pruneStore(store.folder, request, access)
  expect([layer, config, manifest, index].map(hasBlob)).toEqual([true, true, true, true])
  expect(hasBlob(packed)).toBe(false)
  expect(readdirSync(store.folder.snapshots)).toEqual([])
  expect(await store.records.get('images', KEY('app'))).toBeDefined()
  expect(removed.map(({ id }) => id.split('/')[0]).toSorted()).toEqual([
    'blobs',
    'origins',
    'packs',
    'sizes',
    'snapshots',
    'steps',
  ])
  expect(freed).toBeGreaterThan(5000)
})

test('--all leaves nothing', async () => {
  await fill()
  await pruneStore(store.folder, { ...request, all: true }, access)
  expect(await measureStore(store.folder, access)).toEqual([])
})

test('native toolchains go with --all only; what their makers left goes when these are gone', async () => {
  const pack = 'ab'.repeat(32)
  const files = {
    [`${pack}/bin/as`]: 'abc',
    [`${pack}/manifest.json`]: '{"recipe":"as","architecture":"arm64","source":{"name":"binutils","version":"2"}}',
    'qemu/arm64-1': 'qemu',
    '.tmp-999999999-x/one': '1',
    [`.tmp-${process.pid}-x/two`]: '2',
    'tmp/999999999-apt-x/deb': '3',
    [`${'cd'.repeat(32)}/bin/as`]: 'half',
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, 'packs', path, '..'), { recursive: true })
    writeFileSync(join(root, 'packs', path), text)
  }
  const shown = (await measureStore(store.folder, access))
    .map(({ type, description }) => `${type} ${description}`)
    .sort()
  expect(shown).toEqual([
    'pack QEMU with the handler before it',
    'pack as (binutils 2) for linux/arm64',
    'temporary ',
    'temporary ',
    'temporary ',
  ])
  await pruneStore(store.folder, request, access)
  expect(readdirSync(join(root, 'packs')).sort()).toEqual([`.tmp-${process.pid}-x`, pack, 'qemu', 'tmp'])
  expect(readdirSync(join(root, 'packs/tmp'))).toEqual([])
  await pruneStore(store.folder, { ...request, all: true }, access)
  expect(readdirSync(join(root, 'packs')).sort()).toEqual([`.tmp-${process.pid}-x`, 'qemu', 'tmp'])
})

test('a snapshot is measured once', async () => {
  await fill()
  const [first, second] = [await measureStore(store.folder, access), await measureStore(store.folder, access)]
  expect(first.find(({ type }) => type === 'snapshot')?.size).toBe(5000)
  expect(second).toEqual(first)
  expect(asked).toEqual(['0123456789abcdef01234567'])
})

test('records of a kind that nobody told about keep what they name', async () => {
  const blob = await store.blobs.put(Buffer.from('downloaded'), 'application/octet-stream')
  await store.records.put('something-new' as RecordKind, KEY('url'), {
    url: 'https://example.com',
    deep: [{ digest: blob.digest }],
  })
  await pruneStore(store.folder, { ...request, filters: [{ key: 'type', operator: '=', value: 'blob' }] }, access)
  expect(hasBlob(blob)).toBe(true)
  await pruneStore(store.folder, request, access)
  expect(hasBlob(blob)).toBe(false)
})

test('facts about this machine and the empty folder stay', async () => {
  await store.records.put('runtimes', KEY('runc'), { path: '/usr/bin/runc' })
  snapshot('empty')
  await pruneStore(store.folder, { ...request, all: true }, access)
  expect(await store.records.get('runtimes', KEY('runc'))).toEqual({ path: '/usr/bin/runc' })
  expect(readdirSync(store.folder.snapshots)).toEqual(['empty'])
})

test('downloads, half-written files and damaged records are seen and go', async () => {
  const shard = join(store.folder.records, 'steps/aa')
  mkdirSync(shard, { recursive: true })
  writeFileSync(join(shard, `aa${'0'.repeat(62)}.json`), '{"layer": ')
  writeFileSync(join(shard, '.tmp-1-abc'), 'x')
  writeFileSync(join(store.folder.blobs, '.tmp-2-abc'), 'xx')
  writeFileSync(join(store.folder.ingest, 'abc.part'), 'xxx')
  const { removed } = await pruneStore(store.folder, request, access)
  expect(removed.map(({ type }) => type).toSorted()).toEqual(['download', 'step', 'temporary', 'temporary'])
  expect(readdirSync(store.folder.ingest)).toEqual([])
  expect(readdirSync(shard)).toEqual([])
})

test('a manifest that is nested without end does not end the program', async () => {
  const deep = `{"mediaType":"${MEDIA_TYPE.manifest}","x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
  const blob = await store.blobs.put(Buffer.from(deep), MEDIA_TYPE.manifest)
  await store.records.put('images', KEY('deep'), { tag: 'deep', descriptor: blob })
  expect((await measureStore(store.folder, access)).map(({ type }) => type).toSorted()).toEqual(['blob', 'image'])
})

test('reading a record is a use of it, noted at most once an hour', async () => {
  await store.records.put('steps', KEY('a'), { x: 1 })
  const path = join(store.folder.records, 'steps', KEY('a').slice(0, 2), `${KEY('a')}.json`)
  const [recent, old] = [Date.now() / 1000 - 1800, Date.now() / 1000 - 7200]
  utimesSync(path, recent, recent)
  await store.records.get('steps', KEY('a'))
  expect(statSync(path).mtimeMs / 1000).toBeCloseTo(recent, 0)
  utimesSync(path, old, old)
  await store.records.get('steps', KEY('a'))
  expect(Date.now() - statSync(path).mtimeMs).toBeLessThan(60_000)
})

test('the folder of a cache mount stays as long as its record', async () => {
  snapshot('cache-0123')
  await store.records.put('caches', KEY('cache'), {
    of: 'cache-0123',
    name: '/root/.cache',
    created: '2026-01-02T03:04:05Z',
  })
  const items = await measureStore(store.folder, access)
  expect(items.find(({ type }) => type === 'mount')).toMatchObject({
    description: '/root/.cache',
    needs: ['snapshots/cache-0123'],
  })
  const { removed } = await pruneStore(
    store.folder,
    { ...request, filters: [{ key: 'type', operator: '=', value: 'snapshot' }] },
    access,
  )
  expect(removed).toEqual([])
  await pruneStore(store.folder, { ...request, filters: [{ key: 'type', operator: '=', value: 'mount' }] }, access)
  expect(readdirSync(store.folder.snapshots)).toEqual([])
})
