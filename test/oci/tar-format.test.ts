import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeTarHeader, paddingOf, type TarEntry, type TarType } from '../../src/oci/tar-format.ts'
import { item, readTar, tar, type TarItem } from '../support/tar.ts'

const NAME = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 130 })
  .map((name) => name.replace(/[\0/]/g, '_'))
  // Half of a surrogate pair is no text that a file system could hold.
  .filter((name) => Buffer.from(name).toString() === name)
const PATH = fc.array(NAME, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const ID = fc.oneof(fc.nat(100_000), fc.constantFrom(0o7777777, 0o10000000, 0xfffffffe))
const TIME = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 0o77777777777, 0o100000000000))
const XATTRS = fc.uniqueArray(
  fc.tuple(fc.stringMatching(/^(user|security)\.[a-z. ]{1,20}$/), fc.uint8Array({ maxLength: 300 })),
  { selector: ([key]) => key, maxLength: 3 },
)

const ITEM: fc.Arbitrary<TarItem> = fc
  .record({
    type: fc.constantFrom<TarType>('file', 'hardlink', 'symlink', 'char', 'block', 'dir', 'fifo'),
    path: PATH,
    link: PATH,
    mode: fc.nat(0o7777),
    uid: ID,
    gid: ID,
    mtime: TIME,
    data: fc.uint8Array({ maxLength: 1200 }),
    xattrs: XATTRS,
    device: fc.tuple(fc.nat(4095), fc.nat(0xfffff)),
  })
  .map(({ type, link, data, xattrs, device: [devMajor, devMinor], ...common }) => {
    const bytes = Buffer.from(type === 'file' ? data : [])
    const entry: TarEntry = {
      ...common,
      type,
      size: bytes.length,
      ...(type === 'symlink' || type === 'hardlink' ? { link } : {}),
      ...(type === 'char' || type === 'block' ? { devMajor, devMinor } : {}),
      ...(xattrs.length > 0 ? { xattrs: new Map(xattrs.map(([key, value]) => [key, Buffer.from(value)])) } : {}),
    }
    return { entry, data: bytes }
  })

/** Attributes are written in order of their names. */
const sorted = ({ entry, data }: TarItem) => ({
  data,
  entry: { ...entry, ...(entry.xattrs ? { xattrs: [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1)) } : {}) },
})

describe('an entry', () => {
  test('comes back as it was written, in whatever pieces it is read', () => {
    fc.assert(
      fc.property(
        fc.array(ITEM, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }),
        (items, sizes) => {
          const bytes = tar(items)
          expect(readTar(bytes).map(sorted)).toEqual(items.map(sorted))
          expect(readTar(split(bytes, sizes)).map(sorted)).toEqual(items.map(sorted))
        },
      ),
      { numRuns: 150 },
    )
  })

  test('is whole blocks, the same every time, whatever the order of its attributes', () => {
    fc.assert(
      fc.property(ITEM, ({ entry }) => {
        const header = encodeTarHeader(entry)
        expect(header.length % 512).toBe(0)
        const other = entry.xattrs ? { ...entry, xattrs: new Map([...entry.xattrs].reverse()) } : entry
        expect(encodeTarHeader(other).equals(header)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  test('may be larger than ustar can say', () => {
    const header = encodeTarHeader({ ...item({ path: 'huge' }).entry, size: 0o77777777777 + 1 })
    expect(header.toString('latin1')).toContain('19 size=8589934592\n')
    expect(encodeTarHeader({ ...item({ path: 'huge' }).entry, size: 0o77777777777 })).toHaveLength(512)
  })

  test('of an unknown type cannot be written', () => {
    expect(() => encodeTarHeader({ ...item({ path: 'x' }).entry, type: 'other' })).toThrow(/Cannot write "x"/)
  })

  test.each([
    [99, 512],
    [100, 512],
    [101, 1536],
    [255, 1536],
  ])('with a name of %i bytes takes %i', (length, bytes) => {
    expect(encodeTarHeader(item({ path: 'n'.repeat(length) }).entry)).toHaveLength(bytes)
  })

  test('counts the digits of a pax record into its length', () => {
    // 98 and 99 bytes of rest: the length itself gets a digit longer.
    for (let length = 80; length < 120; length += 1) {
      const path = `${'é'.repeat(length / 2)}${'e'.repeat(length % 2)}`
      expect(readTar(tar([item({ path })]))[0]!.entry.path).toBe(path)
    }
  })
})

test.each([
  [0, 0],
  [1, 511],
  [511, 1],
  [512, 0],
  [513, 511],
])('%i bytes are padded with %i', (size, padding) => {
  expect(paddingOf(size)).toBe(padding)
})

function split(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length]!
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}
