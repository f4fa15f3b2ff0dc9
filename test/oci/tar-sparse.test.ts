import { describe, expect, test } from 'vitest'
import { createTarReader } from '../../src/oci/tar-reader.ts'
import { extension, item, paxRecord, readTar, tar } from '../support/tar.ts'

/** An archive of one file, whose pax header has these records of GNU tar. */
function sparse(records: Readonly<Record<string, string>>, data: string | Buffer): Buffer {
  const body = Object.entries(records).map(([key, value]) => paxRecord(`GNU.sparse.${key}`, value))
  return Buffer.concat([extension('x', body.join('')), tar([item({ path: 'made/up', data })])])
}

const block = (text: string) => Buffer.concat([Buffer.from(text), Buffer.alloc(512 - text.length)])
const V1 = { major: '1', minor: '0', name: 'real', realsize: '8' }
const V01 = { name: 'real', size: '8', numblocks: '2', map: '1,2,5,1' }

test('holes are zero bytes, also of a file in pieces of any size', () => {
  const first = Buffer.concat([block('2\n1\n2\n5\n1\n'), Buffer.from('abc')])
  for (const bytes of [sparse(V01, 'abc'), sparse(V1, first)]) {
    const [whole] = readTar(bytes)
    expect(whole!.entry).toMatchObject({ path: 'real', size: 8 })
    expect(whole!.entry).not.toHaveProperty('sparse')
    expect(whole!.data.toString('latin1')).toBe('\0ab\0\0c\0\0')
    const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
    expect(readTar(single)).toEqual([whole])
  }
})

test('who knows holes is told their size', () => {
  const seen: string[] = []
  const reader = createTarReader({
    entry: ({ path, size }) => void seen.push(`${path} of ${size}`),
    data: (chunk) => void seen.push(chunk.toString()),
    hole: (bytes) => void seen.push(`hole of ${bytes}`),
    end: () => void seen.push('end'),
  })
  reader.write(sparse({ ...V01, size: '9000000000', map: '1,2,8000000000,1' }, 'abc'))
  reader.finish()
  expect(seen).toEqual(['real of 9000000000', 'hole of 1', 'ab', 'hole of 7999999997', 'c', 'hole of 999999999', 'end'])
})

test('a file with nothing but a hole has no data', () => {
  expect(readTar(sparse({ ...V01, map: '8,0' }, ''))[0]!.data).toEqual(Buffer.alloc(8))
  expect(readTar(sparse({ ...V01, map: '' }, ''))[0]!.data).toEqual(Buffer.alloc(8))
})

test('a version that nobody knows is an ordinary file', () => {
  expect(readTar(sparse({ ...V1, major: '7' }, 'abc'))[0]).toMatchObject({ entry: { path: 'made/up', size: 3 } })
})

describe('refused are', () => {
  test.each([
    ['pieces that overlap', { ...V01, map: '3,2,4,1' }, 'abc'],
    ['a piece behind the end', { ...V01, map: '1,2,7,2' }, 'abcd'],
    ['an offset without a length', { ...V01, map: '1,2,5' }, 'abc'],
    ['words for numbers', { ...V01, map: '1,x' }, 'abc'],
    ['a negative size', { ...V01, size: '-8' }, 'abc'],
    ['too much data', V01, 'abcd'],
    ['too little data', V01, 'ab'],
    ['no data', V01, ''],
    ['a list without an end', V1, block('3\n1\n2\n')],
    ['a list of words', V1, block('x\n1\n2\n')],
    ['a list that is too long', V1, Buffer.from(`900000\n${'1\n'.repeat(600_000)}`)],
    ['more numbers than fit', V1, block('9999999999\n')],
    ['a file without a list', V1, ''],
    ['more holes than a disk has', { ...V01, map: '1,2,5,1', size: '9000000000000000' }, 'abc'],
  ])('%s', (_what, records, data) => {
    expect(() => readTar(sparse(records, data))).toThrow(
      expect.objectContaining({ code: 'BAD_IMAGE', message: expect.stringMatching(/holes/) }),
    )
  })
})
