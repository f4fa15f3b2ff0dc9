import { describe, expect, test } from 'vitest'
import { xzAround, xzBlocks, type XzBlock } from '../../../src/emulation/packs/xz-blocks.ts'

const HEAD = Buffer.from('fd377a585a000004e6d6b446', 'hex')
const BLOCKS: XzBlock[] = [
  { offset: 12, size: 132, unpadded: 130, start: 0, length: 25_165_824 },
  { offset: 144, size: 300, unpadded: 299, start: 25_165_824, length: 5_000_000_000 },
]

const fileOf = (blocks: readonly XzBlock[]) => {
  const { before, behind } = xzAround(HEAD, blocks)
  return Buffer.concat([before, ...blocks.map(({ size }) => Buffer.alloc(size)), behind])
}
const blocksOf = (file: Buffer) => xzBlocks((offset, size) => file.subarray(offset, offset + size), file.length)

describe('blocks of xz', () => {
  test('are what the index says that was written for them', () => {
    expect(blocksOf(fileOf(BLOCKS))).toEqual(BLOCKS)
    expect(blocksOf(fileOf(BLOCKS.slice(1)))).toEqual([{ ...BLOCKS[1], offset: 12, start: 0 }])
  })

  test('are none in a file that is cut, or damaged at any byte of what tells of them', () => {
    const file = fileOf(BLOCKS)
    for (const size of [0, 5, 12, 40, file.length - 1]) expect(blocksOf(file.subarray(0, size))).toBeUndefined()
    const tells = [...HEAD.subarray(0, 6).keys(), ...Array.from({ length: file.length - 444 }, (_, at) => 444 + at)]
    for (const at of tells) {
      const damaged = Buffer.from(file)
      damaged[at]! ^= 0x40
      expect(blocksOf(damaged), `byte ${at}`).toBeUndefined()
    }
  })
})
