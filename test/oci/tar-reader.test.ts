import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesOfName } from '../../src/byte-name.ts'
import { XbuildError } from '../../src/errors.ts'
import { isTarHeader } from '../../src/oci/tar-decode.ts'
import { archive, item, readTar, resum, tar } from '../support/tar.ts'

/** What the reader says about bytes that it cannot take. */
function refusal(bytes: Buffer): { code: string; message: string } {
  try {
    readTar(bytes)
  } catch (error) {
    if (error instanceof XbuildError) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('the archive was taken')
}

/** A header with one field overwritten and a right checksum. */
function withField(offset: number, value: string | Buffer, path = 'name'): Buffer {
  const bytes = tar([item({ path, data: 'data' })])
  const field = Buffer.from(value)
  field.copy(bytes, offset)
  return resum(bytes)
}

const SIZE = 124
const base256 = (bytes: number[]) => Buffer.from(bytes)

describe('an archive that was cut', () => {
  const whole = tar([item({ path: 'a', data: 'x'.repeat(600) }), item({ path: 'é'.repeat(80) })])

  test.each([
    [1, 'header'],
    [511, 'header'],
    [513, 'entry'],
    [1200, 'entry'],
    [1535, 'entry'],
    [1537, 'header'],
    [2048, 'entry'],
    [2060, 'entry'],
    [2560, 'entry'],
  ])('after %i bytes is refused: in the middle of a %s', (bytes, where) => {
    expect(refusal(whole.subarray(0, bytes))).toEqual({
      code: 'BAD_IMAGE',
      message: expect.stringContaining(
        `at byte ${bytes}: it ends in the middle of an`.replace('an', where === 'entry' ? 'an entry' : 'a header'),
      ),
    })
  })

  test.each([0, 1536, 3072])('at the end of an entry (%i) is taken, as tar takes it', (bytes) => {
    expect(() => readTar(whole.subarray(0, bytes))).not.toThrow()
  })

  test('and whatever comes after the end is not looked at', () => {
    expect(readTar(Buffer.concat([whole, Buffer.from('more')]))).toHaveLength(2)
  })
})

describe('a damaged header', () => {
  test('is told by its checksum, with its position', () => {
    const bytes = tar([item({ path: 'a', data: 'x' }), item({ path: 'b' })])
    bytes[1024 + 3]! ^= 1
    expect(refusal(bytes)).toEqual({
      code: 'BAD_IMAGE',
      message: 'Cannot read a tar archive at byte 1024: a header has a wrong checksum',
    })
  })

  test.each([
    ['text as its size', SIZE, 'not a number', 'size'],
    ['a size with other digits', SIZE, '00000000789\0', 'size'],
    ['a negative size', SIZE, base256(Array<number>(12).fill(0xff)), 'size'],
    ['a size above all files', SIZE, base256([0xbf, ...Array<number>(11).fill(0xff)]), 'size'],
    ['text as its mode', 100, 'rwxr-xr', 'mode'],
    ['text as its owner', 108, 'nobody ', 'uid'],
    ['the id that means none', 116, base256([0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), 'gid'],
    ['text as its time', 136, 'yesterday   ', 'mtime'],
  ] as const)('with %s is refused', (_name, offset, value, field) => {
    expect(refusal(withField(offset, value))).toEqual({
      code: 'BAD_IMAGE',
      message: `Cannot read a tar archive at byte 0: "name" has a bad ${field}`,
    })
  })

  test.each([
    ['text', 'not a number'],
    ['a negative number', base256(Array<number>(12).fill(0xff))],
    ['too large a number', base256([0xbf, ...Array<number>(11).fill(0xff)])],
  ])('of an extension with %s as its size is refused', (_name, size) => {
    const bytes = withField(156, 'x')
    Buffer.from(size).copy(bytes, SIZE)
    expect(refusal(resum(bytes)).message).toContain('an extended header has a bad size')
  })

  test('is shown without control characters', () => {
    const bytes = withField(SIZE, 'not a number')
    bytes.write('\u001b[31mred\0', 0)
    expect(refusal(resum(bytes)).message).toContain('"?[31mred"')
  })

  test('that is summed with signed bytes is good', () => {
    const bytes = tar([item({ path: 'name' })])
    bytes[1] = 0xc3
    bytes[2] = 0xa9
    let sum = 8 * 0x20
    for (let i = 0; i < 512; i += 1) if (i < 148 || i >= 156) sum += bytes.readInt8(i)
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    expect(readTar(bytes)[0]!.entry.path).toBe('né' + 'e')
  })

  test('never crashes or hangs the reader, whatever was damaged', () => {
    const good = tar([
      item({ path: 'é'.repeat(90), data: 'x'.repeat(700), uid: 0o10000000 }),
      item({ path: 'd', type: 'dir' }),
      item({ path: 's', type: 'symlink', link: 'l'.repeat(101) }),
    ])
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (changes, sum) => {
          const bytes = Buffer.from(good)
          for (const [at, value] of changes) bytes[at] = value
          if (sum)
            for (let at = 0; at < bytes.length; at += 512)
              if (bytes.toString('latin1', at + 257, at + 262) === 'ustar') resum(bytes, at)
          try {
            readTar(bytes)
          } catch (error) {
            expect(error).toBeInstanceOf(XbuildError)
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('an extended header', () => {
  const pax = (body: string | Buffer) => {
    const bytes = Buffer.from(body)
    const header = archive([item({ path: 'x', data: bytes })])
    header.write('x', 156)
    return Buffer.concat([resum(header), tar([item({ path: 'name', data: 'data' })])])
  }
  const record = (key: string, value: string) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`)
    const length = Array.from({ length: 8 }, (_, digits) => rest + digits).find(
      (total) => String(total).length + rest === total,
    )!
    return `${length} ${key}=${value}\n`
  }

  test.each([
    ['without a length', ' path=x\n'],
    ['with text for a length', 'ten path=x\n'],
    ['longer than the header', '99 path=x\n'],
    ['of no length', '0 path=x\n'],
    ['without a value', '8 path\n\n'],
    ['without a key', '4 =\n\n'],
    ['without its newline', '10 path=xyz'],
    ['that is one long word', 'x'.repeat(100_000)],
    ['of a length in hex', '0xa path=x\n'],
  ])('%s is refused', (_name, body) => {
    expect(refusal(pax(body))).toEqual({
      code: 'BAD_IMAGE',
      message: 'Cannot read a tar archive at byte 512: a pax header is damaged',
    })
  })

  test.each([
    ['size', 'NaN'],
    ['size', '-1'],
    ['size', '1e30'],
    ['size', 'Infinity'],
    ['size', '99999999999999999999'],
    ['uid', '-1'],
    ['uid', '4294967295'],
    ['gid', '0x1'],
    ['mtime', 'soon'],
  ])('with %s=%s is refused', (key, value) => {
    expect(refusal(pax(record(key, value)))).toEqual({
      code: 'BAD_IMAGE',
      message: `Cannot read a tar archive at byte 1024: "name" has a bad ${key}`,
    })
  })

  test('with a time before the epoch, or between two seconds, is rounded down', () => {
    expect(readTar(pax(record('mtime', '-1.5')))[0]!.entry.mtime).toBe(-2)
    expect(readTar(pax(record('mtime', '12.999999')))[0]!.entry.mtime).toBe(12)
  })

  test('with a zero byte in a name is refused', () => {
    expect(refusal(pax(record('path', 'a\0b'))).message).toContain('the name "a?b" holds a zero byte')
  })

  test('with a name that is not UTF-8 keeps its bytes', () => {
    const body = Buffer.from(record('path', 'aXb'))
    body[body.indexOf('X')] = 0xff
    expect(bytesOfName(readTar(pax(body))[0]!.entry.path)).toEqual(Buffer.from('a\xffb', 'latin1'))
    expect(readTar(pax(record('path', 'a\ufffdb')))[0]!.entry.path).toBe('a\ufffdb')
  })

  test('with an empty field says nothing about it', () => {
    expect(readTar(pax(record('path', '') + record('size', '')))[0]!).toMatchObject({
      entry: { path: 'name', size: 4 },
    })
  })

  test('is for one entry only, and its later records win', () => {
    const both = Buffer.concat([
      pax(record('path', 'one') + record('path', 'two')).subarray(0, -1024),
      tar([item({ path: 'three' })]),
    ])
    expect(readTar(both).map(({ entry }) => entry.path)).toEqual(['two', 'three'])
  })

  test('that is huge is an attack, in one piece or in many', () => {
    expect(refusal(pax(record('comment', 'x'.repeat(1 << 20)))).message).toContain('larger than 1048576 bytes')
    const many = Buffer.concat(
      Array.from({ length: 20 }, (_, i) => pax(record(`comment${i}`, 'x'.repeat(60_000))).subarray(0, 60_928)),
    )
    expect(refusal(many).message).toContain('larger than 1048576 bytes')
  })

  test('without an entry is refused, a global one is not', () => {
    const lone = pax(record('path', 'x')).subarray(0, 1024)
    expect(refusal(Buffer.concat([lone, Buffer.alloc(1024)])).message).toContain('an extended header has no entry')
    expect(refusal(lone).message).toContain('in the middle of an entry')
    const global = Buffer.from(lone)
    global.write('g', 156)
    expect(readTar(Buffer.concat([resum(global), Buffer.alloc(1024)]))).toEqual([])
  })
})

describe('names', () => {
  test('that lead out, or begin at the root, come through for the one who unpacks to judge', () => {
    expect(readTar(tar([item({ path: '../../x' }), item({ path: '/etc/x' })])).map(({ entry }) => entry.path)).toEqual([
      '../../x',
      '/etc/x',
    ])
  })

  test('with a slash at the end are folders in old archives, and their data is skipped', () => {
    const bytes = withField(156, '\0', 'folder/')
    expect(readTar(bytes)[0]!.entry).toMatchObject({ path: 'folder', type: 'dir' })
  })
})

describe('isTarHeader', () => {
  test.each([
    ['a header', tar([item({ path: 'a' })]), true],
    ['a header of 1979', resum(tar([item({ path: 'a' })]).fill(0, 257, 345)), true],
    ['zeros', Buffer.alloc(1024), false],
    ['text', Buffer.from('hello '.repeat(200)), false],
    ['less than a block', tar([item({ path: 'a' })]).subarray(0, 500), false],
  ])('%s: %#', (_name, bytes, expected) => {
    expect(isTarHeader(bytes)).toBe(expected)
  })
})
