import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setImmediate as breathe } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { MEDIA_TYPE, type Descriptor, type Digest } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

const signal = new AbortController().signal
const content = Buffer.from('the content of a blob, a little longer than nothing')
const descriptor: Descriptor = { mediaType: MEDIA_TYPE.layer, digest: sha256(content), size: content.length }
const hex = descriptor.digest.slice(7)

async function open(): Promise<Store> {
  return openStore(join(tempFolder(), 'store'))
}

/** A source that remembers where it was asked to begin. */
function source(bytes: Buffer): { open: (offset: number) => Promise<Readable>; readonly offsets: number[] } {
  const offsets: number[] = []
  return {
    offsets,
    async open(offset) {
      offsets.push(offset)
      return Readable.from([bytes.subarray(offset)])
    },
  }
}

test('what was put is there, once, and can be read', async () => {
  const { blobs, folder } = await open()
  expect(await blobs.has(descriptor.digest)).toBe(false)
  expect(await blobs.put(content, MEDIA_TYPE.layer)).toEqual(descriptor)
  const { ino } = statSync(blobs.path(descriptor.digest))
  await blobs.put(content, MEDIA_TYPE.layer)
  expect(statSync(blobs.path(descriptor.digest)).ino).toBe(ino)
  expect(await blobs.has(descriptor.digest, content.length)).toBe(true)
  expect(Buffer.concat(await (blobs.read(descriptor.digest) as Readable).toArray())).toEqual(content)
  expect(readdirSync(folder.blobs)).toEqual([hex])
})

test.each<[string, (path: string) => void]>([
  ['shorter', (path) => truncateSync(path, 5)],
  ['empty', (path) => truncateSync(path, 0)],
  ['longer', (path) => writeFileSync(path, 'x', { flag: 'a' })],
  ['changed', (path) => writeFileSync(path, Buffer.from(content).fill('x', 3, 4))],
])('a blob that is %s is removed and asked for again', async (_name, damage) => {
  for (const size of [undefined, content.length]) {
    const { blobs } = await open()
    await blobs.put(content, MEDIA_TYPE.layer)
    damage(blobs.path(descriptor.digest))
    expect(await blobs.has(descriptor.digest, size)).toBe(false)
    expect(existsSync(blobs.path(descriptor.digest))).toBe(false)
    await blobs.put(content, MEDIA_TYPE.layer)
    expect(await blobs.has(descriptor.digest, size)).toBe(true)
  }
})

test('what else stands in the place of a blob goes away', async () => {
  const { blobs, folder } = await open()
  const path = blobs.path(descriptor.digest)
  mkdirSync(join(path, 'folder'), { recursive: true })
  expect(await blobs.has(descriptor.digest)).toBe(false)
  expect(existsSync(path)).toBe(false)
  writeFileSync(join(folder.root, 'elsewhere'), 'other')
  symlinkSync(join(folder.root, 'elsewhere'), path)
  expect(await blobs.has(descriptor.digest)).toBe(false)
  expect(readFileSync(join(folder.root, 'elsewhere'), 'utf8')).toBe('other')
})

test('a blob whose time was moved, but not its bytes, is hashed once and trusted again', async () => {
  const { blobs } = await open()
  await blobs.put(content, MEDIA_TYPE.layer)
  const path = blobs.path(descriptor.digest)
  const sealed = statSync(path).mtimeMs
  utimesSync(path, 5, 5)
  expect(await blobs.has(descriptor.digest)).toBe(true)
  expect(statSync(path).mtimeMs).toBe(sealed)
})

test('sha512 digests are checked as such', async () => {
  const { blobs } = await open()
  const digest: Digest = `sha512:${createHash('sha512').update(content).digest('hex')}`
  await blobs.fetch({ ...descriptor, digest }, source(content).open, { signal })
  utimesSync(blobs.path(digest), 5, 5)
  expect(await blobs.has(digest)).toBe(true)
})

test.each([
  'sha256:../../etc/passwd',
  'sha256:',
  'x',
  'md5:d41d8cd98f00b204e9800998ecf8427e',
  `sha256:${'A'.repeat(64)}`,
])('%s is no digest and names no file', async (text) => {
  const { blobs } = await open()
  expect(() => blobs.path(text)).toThrow(expect.objectContaining({ code: 'BAD_REFERENCE' }))
  await expect(blobs.has(text)).rejects.toThrow(/Cannot read digest/)
})

test('a put that cannot be finished leaves nothing', async () => {
  const { blobs, folder } = await open()
  rmSync(folder.blobs, { recursive: true })
  writeFileSync(folder.blobs, '')
  await expect(blobs.put(content, MEDIA_TYPE.layer)).rejects.toThrow()
  expect(readdirSync(join(folder.root, 'blobs'))).toEqual(['sha256'])
})

test('fetch fills a blob and reports how far it is', async () => {
  const { blobs, folder } = await open()
  const from = source(content)
  const progress: number[] = []
  await blobs.fetch(descriptor, from.open, { signal, onProgress: (current) => void progress.push(current) })
  expect(from.offsets).toEqual([0])
  expect(progress.at(-1)).toBe(content.length)
  expect(await blobs.has(descriptor.digest, content.length)).toBe(true)
  expect(readdirSync(folder.ingest)).toEqual([])
})

test('fetch fills an empty blob', async () => {
  const { blobs } = await open()
  const empty = { ...descriptor, digest: sha256(''), size: 0 }
  await blobs.fetch(empty, source(Buffer.alloc(0)).open, { signal })
  expect(await blobs.has(empty.digest, 0)).toBe(true)
})

test('a transfer that breaks is kept, and goes on from there, in this process or a later one', async () => {
  const { blobs, folder } = await open()
  const breaking = async () =>
    Readable.from(
      (async function* () {
        yield content.subarray(0, 20)
        const written = () => readdirSync(folder.ingest).map((name) => statSync(join(folder.ingest, name)).size)[0] ?? 0
        while (written() < 20) await breathe()
        throw new Error('connection reset')
      })(),
    )
  await expect(blobs.fetch(descriptor, breaking, { signal })).rejects.toThrow('connection reset')
  expect(readdirSync(folder.ingest)).toEqual([`${hex}.part`])
  expect(existsSync(blobs.path(descriptor.digest))).toBe(false)
  const from = source(content)
  await blobs.fetch(descriptor, from.open, { signal })
  expect(from.offsets).toEqual([20])
  expect(readFileSync(blobs.path(descriptor.digest))).toEqual(content)
  expect(readdirSync(folder.ingest)).toEqual([])
})

test('a transfer that ends early says so and is kept', async () => {
  const { blobs, folder } = await open()
  await expect(blobs.fetch(descriptor, source(content.subarray(0, 10)).open, { signal })).rejects.toThrow(
    `only 10 of ${content.length} bytes arrived`,
  )
  expect(statSync(join(folder.ingest, `${hex}.part`)).size).toBe(10)
})

test('what a dead process left is taken over, what a living one writes is not', async () => {
  const { blobs, folder } = await open()
  const dead = 2 ** 22 + 1 // above every kernel's pid_max
  writeFileSync(join(folder.ingest, `${hex}.${dead}.00ff.part`), content.subarray(0, 30))
  writeFileSync(join(folder.ingest, `${hex}.${process.ppid}.00ff.part`), content.subarray(0, 40))
  const from = source(content)
  await blobs.fetch(descriptor, from.open, { signal })
  expect(from.offsets).toEqual([30])
  expect(readdirSync(folder.ingest)).toEqual([`${hex}.${process.ppid}.00ff.part`])
})

test('a part that is whole already is not asked for again; one that is too long is', async () => {
  for (const [left, offsets] of [
    [content, []],
    [Buffer.concat([content, content]), [0]],
  ] as const) {
    const { blobs, folder } = await open()
    writeFileSync(join(folder.ingest, `${hex}.part`), left)
    const from = source(content)
    await blobs.fetch(descriptor, from.open, { signal })
    expect(from.offsets).toEqual(offsets)
    expect(await blobs.has(descriptor.digest)).toBe(true)
  }
})

test.each([
  ['other bytes', Buffer.from(content).fill('x'), /the bytes that arrived are sha256:/],
  ['more bytes', Buffer.concat([content, content]), /more than 51 bytes arrived/],
])('%s than the digest says are refused and not kept', async (_name, bytes, said) => {
  const { blobs, folder } = await open()
  await expect(blobs.fetch(descriptor, source(bytes).open, { signal })).rejects.toThrow(
    expect.objectContaining({ code: 'DIGEST_MISMATCH', message: expect.stringMatching(said) }),
  )
  expect(readdirSync(folder.ingest)).toEqual([])
  expect(readdirSync(folder.blobs)).toEqual([])
  await blobs.fetch(descriptor, source(content).open, { signal })
  expect(await blobs.has(descriptor.digest)).toBe(true)
})

test('a wrong part is thrown away by the transfer that finds out', async () => {
  const { blobs, folder } = await open()
  writeFileSync(join(folder.ingest, `${hex}.part`), Buffer.alloc(20))
  await expect(blobs.fetch(descriptor, source(content).open, { signal })).rejects.toThrow(/the bytes that arrived/)
  const again = source(content)
  await blobs.fetch(descriptor, again.open, { signal })
  expect(again.offsets).toEqual([0])
})

test('two fetches of one digest are one transfer, a later one is another', async () => {
  const { blobs } = await open()
  const from = source(content)
  await Promise.all([blobs.fetch(descriptor, from.open, { signal }), blobs.fetch(descriptor, from.open, { signal })])
  expect(from.offsets).toEqual([0])
})

test('two stores over one folder do not write into the same part', async () => {
  const root = join(tempFolder(), 'store')
  const [one, two] = [await openStore(root), await openStore(root)]
  await Promise.all([
    one.blobs.fetch(descriptor, source(content).open, { signal }),
    two.blobs.fetch(descriptor, source(content).open, { signal }),
  ])
  expect(await one.blobs.has(descriptor.digest)).toBe(true)
  expect(readdirSync(one.folder.ingest)).toEqual([])
})

test('a canceled transfer ends, and is kept', async () => {
  const { blobs, folder } = await open()
  const stop = new AbortController()
  const endless = async () =>
    Readable.from(
      (async function* () {
        yield content.subarray(0, 7)
        await new Promise(() => undefined)
      })(),
    )
  const running = blobs.fetch(descriptor, endless, { signal: stop.signal, onProgress: () => stop.abort() })
  await expect(running).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
  expect(readdirSync(folder.ingest)).toEqual([`${hex}.part`])
  expect(existsSync(blobs.path(descriptor.digest))).toBe(false)
})
