import { GO_BYTES } from './go-settings.ts'
import type { FileBytes } from './types.ts'

export const PT_LOAD: number = 1
export const PT_DYNAMIC: number = 2
export const PT_INTERP: number = 3
export const PT_NOTE: number = 4
/** More headers than any real file has. */
const MAX_HEADERS = 256
/** Flags of a segment that is data: read and write. */
const PF_DATA = 6

/** A part of a file that is loaded, or says how. */
export interface Segment {
  readonly type: number
  readonly flags: number
  readonly offset: number
  readonly address: bigint
  readonly size: number
}

/** A place in a file: bytes. */
export interface Range {
  readonly offset: number
  readonly length: number
}

/** Readers of numbers in the byte order and width of a file. */
export interface Numbers {
  readonly wide: boolean
  half(bytes: Buffer, at: number): number
  word(bytes: Buffer, at: number): number
  /** A word of 32 or 64 bits. */
  long(bytes: Buffer, at: number): bigint
}

function numbersOf(ident: Buffer): Numbers {
  const wide = ident[4] === 2
  const little = ident[5] === 1
  const word = (bytes: Buffer, at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  return {
    wide,
    half: (bytes, at) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)),
    word,
    long: (bytes, at) =>
      wide ? (little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at)) : BigInt(word(bytes, at)),
  }
}

/** What an ELF file begins with. */
export interface Headers {
  readonly header: Buffer
  readonly numbers: Numbers
  readonly segments: readonly Segment[]
}

/** The header of an ELF file, and its segments (System V ABI, chapters 4 and 5). */
export function readHeaders(file: FileBytes): Headers | undefined {
  const header = file.at(0, Math.min(64, file.size))
  if (!header || header.length < 52 || (header[4] !== 1 && header[4] !== 2) || (header[5] !== 1 && header[5] !== 2))
    return undefined
  const numbers = numbersOf(header)
  const { wide, half, word, long } = numbers
  if (wide && header.length < 64) return undefined
  const size = half(header, wide ? 54 : 42)
  const count = Math.min(half(header, wide ? 56 : 44), MAX_HEADERS)
  const table = count === 0 ? Buffer.alloc(0) : file.at(Number(long(header, wide ? 32 : 28)), size * count)
  const segments = Array.from({ length: table ? count : 0 }, (_, index): Segment => {
    const entry = table!.subarray(index * size, (index + 1) * size)
    return {
      type: word(entry, 0),
      flags: word(entry, wide ? 4 : 24),
      offset: Number(long(entry, wide ? 8 : 4)),
      address: long(entry, wide ? 16 : 8),
      size: Number(long(entry, wide ? 32 : 16)),
    }
  })
  return { header, numbers, segments }
}

/** The parts of a large file that must be kept while it goes by, as its first bytes tell. */
export function rangesOf(file: FileBytes): readonly Range[] {
  try {
    const found = readHeaders(file)
    if (!found) return []
    const { header, numbers, segments } = found
    const { wide, half, long } = numbers
    const sections = {
      offset: Number(long(header, wide ? 40 : 32)),
      length: half(header, wide ? 58 : 46) * half(header, wide ? 60 : 48),
    }
    const wanted = segments
      .filter(({ type }) => type === PT_DYNAMIC || type === PT_INTERP || type === PT_NOTE)
      .map(({ offset, size }) => ({ offset, length: size }))
    return [...wanted, ...goRange(segments), sections].filter(({ length }) => length > 0 && length <= 1 << 20)
  } catch (error) {
    if (error instanceof RangeError) return []
    throw error
  }
}

/** Where a Go program says how it was built: in the beginning of its data. */
export function goRange(segments: readonly Segment[]): readonly Range[] {
  const data = segments.find(({ type, flags }) => type === PT_LOAD && (flags & 7) === PF_DATA)
  return data ? [{ offset: data.offset, length: Math.min(data.size, GO_BYTES) }] : []
}
