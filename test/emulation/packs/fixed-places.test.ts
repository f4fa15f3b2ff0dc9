import { expect, test } from 'vitest'
import { placesOfFixed } from '../../../src/emulation/packs/fixed-places.ts'

const ADDRESS = 0x74_1234

/** A program of code and data that names an address in both. */
function program(): Buffer {
  const file = Buffer.alloc(0x300)
  file[0x110] = 0xbf // mov $ADDRESS, %edi
  file.writeUInt32LE(ADDRESS, 0x111)
  file.writeBigUInt64LE(BigInt(ADDRESS), 0x208)
  return file
}

const segment = (offset: number, executable: boolean) => ({
  type: 1,
  offset,
  address: BigInt(0x40_0000 + offset),
  size: 0x100,
  executable,
  writable: !executable,
})
const loaded = [segment(0x100, true), segment(0x200, false)]

test('an address is named by constants in code and by words in data', () => {
  expect(placesOfFixed(program(), loaded, ADDRESS)).toEqual([0x111, 0x208])
  expect(placesOfFixed(program(), loaded, ADDRESS + 1)).toEqual([])
})

test.each([
  ['behind another instruction', (file: Buffer) => file.writeUInt8(0x05, 0x110)],
  ['in data, at no place of a word', (file: Buffer) => file.writeUInt32LE(ADDRESS, 0x24c)],
  ['in data, as half of a word', (file: Buffer) => file.writeUInt32LE(1, 0x20c)],
])('where it stands %s, nothing is known', (_, change) => {
  const file = program()
  change(file)
  expect(placesOfFixed(file, loaded, ADDRESS)).toBeUndefined()
})
