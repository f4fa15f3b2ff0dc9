import { crc32 } from 'node:zlib'

/** A block of a file of xz, which is compressed by itself. Bytes. */
export interface XzBlock {
  /** Where it lies in the file, and how long it is there, with its padding. */
  readonly offset: number
  readonly size: number
  /** The size as the index has it. */
  readonly unpadded: number
  /** Where what it holds lies in the whole, and how long that is. */
  readonly start: number
  readonly length: number
}

/** Length of the header and of the footer of a file of xz. Bytes. */
const END = 12
const MAGIC = Buffer.from('fd377a585a00', 'hex')
const MAX_INDEX = 1 << 20

/** Gives bytes of a file: fewer where it ends. */
type Read = (offset: number, size: number) => Buffer

/** The blocks of a file of xz of one stream, by its index; nothing where it is built otherwise, or damaged. */
export function xzBlocks(read: Read, size: number): XzBlock[] | undefined {
  if (size < 2 * END + 8 || !read(0, 6).equals(MAGIC)) return undefined
  const footer = read(size - END, END)
  if (footer.toString('latin1', 10) !== 'YZ' || footer.readUInt32LE(0) !== crc32(footer.subarray(4, 10)))
    return undefined
  const indexSize = 4 * (footer.readUInt32LE(4) + 1)
  if (indexSize > MAX_INDEX || indexSize > size - 2 * END) return undefined
  const index = read(size - END - indexSize, indexSize)
  if (index[0] !== 0 || index.readUInt32LE(indexSize - 4) !== crc32(index.subarray(0, -4))) return undefined
  const next = numbersOf(index.subarray(1, -4))
  const blocks: XzBlock[] = []
  let [offset, start] = [END, 0]
  for (let count = next(); count > 0; count--) {
    const [unpadded, length] = [next(), next()]
    const block = { offset, size: aligned(unpadded), unpadded, start, length }
    blocks.push(block)
    offset += block.size
    start += length
    if (!(offset <= size)) return undefined // also of what is no number
  }
  return offset === size - END - indexSize ? blocks : undefined
}

/** What stands before and behind some of the blocks of a file, so that they are a file of xz. */
export function xzAround(
  head: Buffer,
  blocks: readonly XzBlock[],
): { readonly before: Buffer; readonly behind: Buffer } {
  const records = [blocks.length, ...blocks.flatMap(({ unpadded, length }) => [unpadded, length])]
  const body = Buffer.from([0, ...records.flatMap(bytesOf)])
  const index = Buffer.alloc(aligned(body.length) + 4)
  body.copy(index)
  index.writeUInt32LE(crc32(index.subarray(0, -4)), index.length - 4)
  const footer = Buffer.alloc(END)
  footer.writeUInt32LE(index.length / 4 - 1, 4)
  head.copy(footer, 8, 6, 8) // both say which check the blocks have
  footer.write('YZ', 10, 'latin1')
  footer.writeUInt32LE(crc32(footer.subarray(4, 10)), 0)
  return { before: head.subarray(0, END), behind: Buffer.concat([index, footer]) }
}

const aligned = (size: number) => Math.ceil(size / 4) * 4

/** Reads numbers of 7 bits a byte, the lowest first, one after the other; NaN behind the last. */
function numbersOf(bytes: Buffer): () => number {
  let at = 0
  return () => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]
      if (byte === undefined || factor > 2 ** 49) return NaN
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
}

function bytesOf(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return [...bytes, rest]
}
