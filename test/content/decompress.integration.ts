import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { decompress } from '../../src/content/decompress.ts'
import { isArchive } from '../../src/content/is-archive.ts'
import { item, tar } from '../support/tar.ts'
import { tempFolder } from '../support/temp-folder.ts'

const archive = tar([
  item({ path: 'f', data: Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31) % 253)) }),
])
const openFiles = () => readdirSync('/proc/self/fd').length

function packed(program: string, bytes: Buffer): Buffer {
  const { status, stdout } = spawnSync(program, ['-c'], { input: bytes, maxBuffer: 1 << 28 })
  expect(status, program).toBe(0)
  return stdout
}

function fileOf(bytes: Buffer | string): string {
  const file = join(tempFolder(), 'file')
  writeFileSync(file, bytes)
  return file
}

async function read(file: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of decompress(file)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

// gzip, xz and bzip2 are in every Debian; zstd is asked for by the tests of layers.
test.each([
  ['plain', (bytes: Buffer) => bytes],
  ['gzip', gzipSync],
  [
    'two gzip members',
    (bytes: Buffer) => Buffer.concat([gzipSync(bytes.subarray(0, 999)), gzipSync(bytes.subarray(999))]),
  ],
  ['xz', (bytes: Buffer) => packed('xz', bytes)],
] as const)('%s comes out plain and is known as an archive', async (_name, pack) => {
  const file = fileOf(pack(archive))
  expect((await read(file)).equals(archive)).toBe(true)
  expect(await isArchive(file)).toBe(true)
})

test.each([
  ['nothing', ''],
  ['text', 'hello'],
  ['zeros', Buffer.alloc(5000)],
  ['packed text', gzipSync('hello')],
  ['what only begins like gzip', Buffer.from([0x1f, 0x8b, 1, 2, 3])],
  ['what only begins like xz', Buffer.from('fd377a585a00ffff', 'hex')],
  ['two bytes of gzip', Buffer.from([0x1f, 0x8b])],
])('%s is no archive', async (_name, bytes) => {
  expect(await isArchive(fileOf(bytes))).toBe(false)
})

test.each([
  ['damaged gzip', () => gzipSync(archive).fill(0, 500, 600)],
  ['cut gzip', () => gzipSync(archive).subarray(0, 2000)],
  ['cut xz', () => packed('xz', archive).subarray(0, 200)],
])('%s is a damaged file, and nothing stays open', async (_name, bytes) => {
  const file = fileOf(bytes())
  const before = openFiles()
  await expect(read(file)).rejects.toMatchObject({
    code: 'BAD_IMAGE',
    message: expect.stringMatching(/^Cannot unpack "file": ./),
  })
  expect(openFiles()).toBe(before)
})

test('whoever stops early leaves nothing open and no program running', async () => {
  for (const bytes of [archive, gzipSync(archive), packed('xz', archive)]) {
    const file = fileOf(bytes)
    const before = openFiles()
    for await (const chunk of decompress(file)) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    // Streams of Node close their files a turn later.
    while (openFiles() > before) await new Promise((resolve) => setImmediate(resolve))
    expect(openFiles()).toBe(before)
  }
})

test('a program that is missing is named with its package', async () => {
  const path = process.env['PATH']
  const file = fileOf(packed('xz', archive))
  process.env['PATH'] = '/nowhere'
  try {
    await expect(read(file)).rejects.toMatchObject({
      code: 'HOST',
      message: 'Cannot unpack "file": the program "xz" cannot be started',
      hint: expect.stringContaining('xz-utils'),
    })
    await expect(isArchive(file)).rejects.toMatchObject({ code: 'HOST' })
  } finally {
    process.env['PATH'] = path
  }
})

test('a file that is not there is told', async () => {
  await expect(read(join(tempFolder(), 'missing'))).rejects.toMatchObject({ code: 'ENOENT' })
})

/** An xz file whose block asks for a dictionary of 4 GiB. */
function hungryXz(): Buffer {
  const bytes = packed('xz', Buffer.from('text'))
  const end = 12 + (bytes[12]! + 1) * 4 - 4
  const filter = bytes.indexOf(Buffer.from([0x21, 0x01]), 14)
  expect(filter).toBeLessThan(end)
  bytes[filter + 2] = 40
  bytes.writeUInt32LE(crc32(bytes.subarray(12, end)), end)
  return bytes
}

/** A zstd frame of one byte with a window of 2 GiB. */
const hungryZstd = () => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x09, 0, 0, 0x78])

test.each([
  ['xz', hungryXz],
  ['zstd', hungryZstd],
] as const)('a file of %s that needs more memory than any does is refused', async (program, make) => {
  // ADD is not to copy what it should unpack
  await expect(isArchive(fileOf(make()))).rejects.toMatchObject({ code: 'BAD_IMAGE' })
  await expect(read(fileOf(make()))).rejects.toMatchObject({
    code: 'BAD_IMAGE',
    message: `Cannot unpack "file": ${program} would need more than 512 MiB of memory for it`,
  })
})
