import { describe, expect, test } from 'vitest'
import { editDriver } from '../../../src/emulation/packs/driver-edits.ts'

const AT = 0x400000
const EDITS = { texts: { '/usr/lib/far/': '/usr/lib/' }, specs: { cross: '0' } }
/** Where things are in the program below. */
const PLACES = { texts: 0x100, names: 0x200, table: 0x300, variable: 0x380, code: 0x400 }

/** A program at fixed addresses: two texts, a table with one spec, the variable that it leads to, and code. */
function program({
  machine = 62,
  type = 2,
  code = Buffer.alloc(0),
  data = Buffer.alloc(0),
  size = PLACES.code,
  texts = ['/usr/lib/far/x/', '/usr/lib/far/'],
}: {
  machine?: number
  type?: number
  code?: Buffer
  data?: Buffer
  size?: number
  texts?: string[]
} = {}): Buffer {
  const file = Buffer.alloc(0x500)
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file)
  file.writeUInt16LE(type, 16)
  file.writeUInt16LE(machine, 18)
  for (const [place, value] of [
    [32, 64],
    [64 + 8, 0],
    [64 + 16, AT],
    [64 + 32, size],
    [64 + 40, size],
  ] as const)
    file.writeBigUInt64LE(BigInt(value), place)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(2, 56)
  // First data, then code
  file.writeUInt32LE(1, 64)
  file.writeUInt32LE(1, 64 + 56)
  file.writeUInt32LE(1, 64 + 60)
  for (const [place, value] of [
    [8, PLACES.code],
    [16, AT + PLACES.code],
    [32, 0x100],
    [40, 0x100],
  ] as const)
    file.writeBigUInt64LE(BigInt(value), 64 + 56 + place)
  file.write(`\0${texts.join('\0')}\0`, PLACES.texts, 'latin1')
  file.write('\0cross\0' + '0\0' + '1\0', PLACES.names, 'latin1')
  for (const [place, value] of [
    [PLACES.table, PLACES.names + 1],
    [PLACES.table + 16, PLACES.variable],
    [PLACES.variable, PLACES.names + 9],
  ] as const)
    file.writeBigUInt64LE(BigInt(AT + value), place)
  code.copy(file, PLACES.code)
  data.copy(file, PLACES.table + 64)
  return file
}

const address = (of: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(AT + of)
  return bytes
}

describe('the driver of a cross compiler', () => {
  test('is told that it is at home', () => {
    const made = editDriver(program(), EDITS)
    expect(made.toString('latin1', PLACES.texts + 1, PLACES.texts + 31)).toBe(
      '/usr/lib/x/\0\0\0\0\0/usr/lib/\0\0\0\0\0',
    )
    const spec = Number(made.readBigUInt64LE(PLACES.variable)) - AT
    expect(made.toString('latin1', spec, spec + 2)).toBe('0\0')
    // Nothing else is changed
    const rest = program()
      .fill(0, PLACES.texts, PLACES.texts + 40)
      .fill(0, PLACES.variable, PLACES.variable + 8)
    expect(
      made
        .fill(0, PLACES.texts, PLACES.texts + 40)
        .fill(0, PLACES.variable, PLACES.variable + 8)
        .equals(rest),
    ).toBe(true)
  })

  test('may lose the whole text of a spec', () => {
    const made = editDriver(program(), { ...EDITS, specs: { cross: '' } })
    expect(made[Number(made.readBigUInt64LE(PLACES.variable)) - AT]).toBe(0)
  })

  const near = program({ texts: ['this-triple', 'that', '-'] })
  const [triple, dash] = [PLACES.texts + 1, PLACES.texts + 1 + 'this-triple that '.length].map(address) as [
    Buffer,
    Buffer,
  ]
  /** The program with instructions that load both texts, and others. */
  const loads = (...code: readonly (Buffer | readonly number[])[]) =>
    Buffer.concat([
      near.subarray(0, PLACES.code),
      Buffer.concat(code.map((one) => Buffer.from(one))),
      near.subarray(PLACES.code),
    ]).subarray(0, 0x500)
  const PREFIX = { prefix: ['this-triple', '-'] } as const

  test('calls other programs by the names that they have at home', () => {
    const apart = Buffer.alloc(40, 0x90)
    const made = editDriver(loads([0xbf], triple, [0x31, 0xc9, 0xbe], dash, apart, [0xbf], triple), PREFIX)
    const at = (place: number) => made.readUInt32LE(PLACES.code + place) - AT
    expect([made[at(1)], made[at(8)]]).toEqual([0, 0])
    expect(at(8 + 4 + 40 + 1)).toBe(PLACES.texts + 1) // where it is named by itself, it stays
  })

  test.each([
    ['nothing joins the two', loads([0xbf], triple, Buffer.alloc(40, 0x90), [0xbe], dash), 'nothing in it joins'],
    ['three are joined', loads([0xbf], triple, [0xbe], dash, [0xbe], dash), 'in another way'],
  ])('keeps the names where %s', (_, file, state) => {
    expect(() => editDriver(file, PREFIX)).toThrow(state)
  })

  test.each([
    ['code that knows where a text begins', [0xbf, ...address(PLACES.texts + 1)]],
    ['code that looks like knowing more by chance', [0x41, ...address(PLACES.texts + 1 + 4)]],
  ])('may have %s', (_, code) => {
    expect(editDriver(program({ code: Buffer.from(code) }), EDITS)).toHaveLength(0x500)
  })

  test.each([
    [
      'code takes a text that begins inside of one',
      program({ code: Buffer.from([0xbe, ...address(PLACES.texts + 1 + 4)]) }),
      EDITS,
      'begin inside of "/usr/lib/far/x/"',
    ],
    [
      'code stores one that does',
      program({ code: Buffer.from([0x48, 0xc7, 0x44, 0x24, 0x08, ...address(PLACES.texts + 1 + 4)]) }),
      EDITS,
      'begin inside of "/usr/lib/far/x/"',
    ],
    [
      'data have one that does',
      program({ data: address(PLACES.texts + 1 + 4) }),
      EDITS,
      'begin inside of "/usr/lib/far/x/"',
    ],
    [
      'it has no such text',
      program({ texts: ['/usr/lib/near/'] }),
      EDITS,
      'no string in it begins with "/usr/lib/far/"',
    ],
    ['a text would become longer', program(), { ...EDITS, texts: { '/usr/lib/far/': '/usr/lib/farther/' } }, 'longer'],
    ['it has no such spec', program(), { ...EDITS, specs: { other: '0' } }, 'spec "other" was not found'],
    ['there is no such value', program(), { ...EDITS, specs: { cross: '7' } }, 'spec "cross" was not found'],
    ['the texts are not loaded into memory', program({ size: 0x80 }), EDITS, 'not loaded into memory'],
    ['it may be anywhere in memory', program({ type: 3 }), EDITS, 'not an amd64 program with fixed addresses'],
    ['it is for another CPU', program({ machine: 183 }), EDITS, 'not an amd64 program with fixed addresses'],
    ['it is none', Buffer.from('#!/bin/sh\n'.repeat(10)), EDITS, 'not an amd64 program with fixed addresses'],
  ])('is left alone where %s', (_, file, edits, state) => {
    expect(() => editDriver(file, edits)).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND', message: expect.stringContaining(state) }),
    )
  })
})
