import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gunzipSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deflateRuns } from '../../src/content/deflate-runs.ts'
import { createGzipFile } from '../../src/content/gzip-file.ts'
import { tempFolder } from '../support/temp-folder.ts'

const BLOCK = 1 << 20
const SEGMENT = 1 << 14
const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Bytes that look random and are the same in every run. */
function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed * 2654435761 + 1
  for (let i = 0; i < length; i += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state
  }
  return bytes
}

const text = (length: number) =>
  Buffer.from('The quick brown fox jumps over the lazy dog. '.repeat(Math.ceil(length / 45))).subarray(0, length)
/** Letters without repetitions that a search would find. */
const letters = (length: number) => Buffer.from(noise(length, 9).map((byte) => 97 + (byte % 26)))

async function write(
  bytes: Buffer,
  piece: number,
): Promise<{ packed: Buffer; written: Awaited<ReturnType<Awaited<ReturnType<typeof createGzipFile>>['finish']>> }> {
  const path = join(tempFolder(), 'file.gz')
  const gzip = await createGzipFile(path, 4)
  for (let at = 0; at < bytes.length; at += piece) await gzip.write(bytes.subarray(at, at + piece))
  const written = await gzip.finish()
  return { packed: readFileSync(path), written }
}

const cases: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['text', text(300_000)],
  ['zeros', Buffer.alloc(2 * BLOCK + 5)],
  ['noise', noise(BLOCK + SEGMENT + 3)],
  ['letters', letters(200_000)],
  [
    'text, noise and zeros in turns',
    Buffer.concat([
      text(SEGMENT * 3),
      noise(SEGMENT * 5 + 7),
      Buffer.alloc(SEGMENT),
      noise(70_000, 3),
      text(11),
      letters(SEGMENT * 2),
    ]),
  ],
  ...[-1, 0, 1].map(
    (more) => [`a block and ${more} bytes`, Buffer.concat([noise(BLOCK - SEGMENT), text(SEGMENT + more)])] as const,
  ),
  ...[0xfffe, 0xffff, 0x10000].map((size) => [`${size} bytes of noise`, noise(size)] as const),
]

test.each(cases)('%s: gunzip gives back the bytes, sizes and digests are right', async (_name, bytes) => {
  const { packed, written } = await write(bytes, 100_000)
  expect(gunzipSync(packed).equals(bytes)).toBe(true)
  expect(written).toEqual({
    digest: sha256(packed),
    diffId: sha256(bytes),
    size: packed.length,
    plainSize: bytes.length,
  })
  expect(spawnSync('gzip', ['-t'], { input: packed })).toMatchObject({ status: 0 })
  expect(spawnSync('gzip', ['-dc'], { input: packed, maxBuffer: 1 << 26 }).stdout.equals(bytes)).toBe(true)
})

test('the same bytes give the same file, in whatever pieces they come', async () => {
  const bytes = Buffer.concat([text(700_000), noise(600_000), Buffer.alloc(100_000)])
  const [first, ...others] = await Promise.all([777, 65_536, bytes.length, 99_999].map((piece) => write(bytes, piece)))
  for (const { packed } of others) expect(packed.equals(first!.packed)).toBe(true)
})

test('what can be made smaller is, what cannot grows by next to nothing', async () => {
  expect((await write(text(BLOCK), BLOCK)).packed.length).toBeLessThan(BLOCK / 50)
  expect((await write(Buffer.alloc(BLOCK), BLOCK)).packed.length).toBeLessThan(BLOCK / 100)
  expect((await write(noise(BLOCK), BLOCK)).packed.length).toBeLessThan(BLOCK * 1.001)
  expect((await write(letters(BLOCK), BLOCK)).packed.length).toBeLessThan(BLOCK * 0.65)
})

test('room and wrote fill a block without copying', async () => {
  const path = join(tempFolder(), 'file.gz')
  const gzip = await createGzipFile(path, 4)
  const bytes = Buffer.concat([noise(400_000), text(BLOCK)])
  for (let at = 0; at < bytes.length; ) {
    const room = gzip.room()
    expect(room.length).toBeGreaterThan(0)
    const count = Math.min(room.length, 123_457, bytes.length - at)
    bytes.copy(room, 0, at, at + count)
    await gzip.wrote(count)
    at += count
  }
  await gzip.finish()
  expect(gunzipSync(readFileSync(path)).equals(bytes)).toBe(true)
})

test('whatever is deflated inflates, and can be put one after the other', async () => {
  const piece = fc
    .tuple(fc.constantFrom(text, noise, letters, Buffer.alloc), fc.integer({ min: 0, max: 3 * SEGMENT }))
    .map(([make, length]) => make(length))
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 4 }),
      piece,
      fc.integer({ min: 1, max: 9 }),
      async (pieces, second, level) => {
        const bytes = Buffer.concat(pieces)
        const [one, two] = await Promise.all([deflateRuns(bytes, level), deflateRuns(second, level)])
        const plain = inflateRawSync(Buffer.concat([one, two]), { finishFlush: constants.Z_SYNC_FLUSH })
        expect(plain.equals(Buffer.concat([bytes, second]))).toBe(true)
        expect((await deflateRuns(bytes, level)).equals(one)).toBe(true)
      },
    ),
    { numRuns: 30 },
  )
})

test('a file that is there is not written over; what is given up closes its file', async () => {
  const path = join(tempFolder(), 'file.gz')
  const before = readdirSync('/proc/self/fd').length
  const gzip = await createGzipFile(path, 4)
  await expect(createGzipFile(path, 4)).rejects.toMatchObject({ code: 'EEXIST' })
  await gzip.write(noise(3 * BLOCK))
  await gzip.abort()
  await gzip.abort()
  expect(readdirSync('/proc/self/fd').length).toBe(before)
})
