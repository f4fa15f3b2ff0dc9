import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { xzAround, xzBlocks, type XzBlock } from './xz-blocks.ts'

/** Of a package, where its files lie compressed: dpkg cuts what is large into blocks that can be read by themselves. */
export interface DebParts {
  readonly blocks: readonly XzBlock[]
  /** Where the archive's header of the files begins, and what they are compressed to. */
  readonly header: number
  readonly data: number
}

const MAGIC = '!<arch>\n'
/** Length of a header of ar(5), and where it has the name and size of a member. Bytes. */
const HEADER = 60
const NAME = 16
const SIZE = 48
const PIECE = 1 << 20

/** The parts of a package; nothing where it has one part only, or is compressed by other means than xz. */
export function partsOf(deb: string): DebParts | undefined {
  const file = openSync(deb, 'r')
  try {
    const { size: end } = fstatSync(file)
    const read = readerOf(file)
    if (read(0, MAGIC.length).toString('latin1') !== MAGIC) return undefined
    for (let header = MAGIC.length; header + HEADER <= end; ) {
      const text = read(header, HEADER).toString('latin1')
      const size = Number(text.slice(SIZE, SIZE + 10).trim() || NaN)
      const data = header + HEADER
      if (!Number.isSafeInteger(size) || size < 0 || data + size > end) return undefined
      if (text.slice(0, NAME).trim().replace(/\/$/, '') === 'data.tar.xz') {
        const blocks = xzBlocks((offset, length) => read(data + offset, length), size)
        return blocks && blocks.length > 1 ? { blocks, header, data } : undefined
      }
      header = data + size + (size % 2)
    }
    return undefined
  } finally {
    closeSync(file)
  }
}

/** Writes a package whose files begin with that block, in the middle of one most likely. */
export function writePart(
  deb: string,
  { blocks, header, data }: DebParts,
  { first, to }: { first: number; to: string },
): void {
  const [from, out] = [openSync(deb, 'r'), openSync(to, 'w', 0o600)]
  try {
    const read = readerOf(from)
    const rest = blocks.slice(first)
    const size = rest.reduce((sum, block) => sum + block.size, 0)
    const { before, behind } = xzAround(read(data, 12), rest)
    const whole = before.length + size + behind.length
    const member = read(header, HEADER)
    member.write(String(whole).padEnd(10), SIZE, 'latin1')
    for (const bytes of [read(0, header), member, before]) writeSync(out, bytes)
    const { offset } = rest[0]!
    for (let at = 0; at < size; at += PIECE) writeSync(out, read(data + offset + at, Math.min(PIECE, size - at)))
    writeSync(out, behind)
    if (whole % 2 === 1) writeSync(out, '\n')
  } finally {
    closeSync(from)
    closeSync(out)
  }
}

function readerOf(file: number): (offset: number, size: number) => Buffer {
  return (offset, size) => {
    const bytes = Buffer.alloc(size)
    return bytes.subarray(0, readSync(file, bytes, 0, size, offset))
  }
}
