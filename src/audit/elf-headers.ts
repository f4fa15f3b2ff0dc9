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
  readonly address: number
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
  /** All 32-bit words of a table: one copy, since images have thousands of files, and a call for each number takes long. */
  words(table: Buffer): Uint32Array
  /** Word `at` of `words`, or the number of 64 bits that begins there. Above 2^53 it is not exact: only kernels lie there. */
  long(words: Uint32Array, at: number): number
}

const IS_LITTLE_HOST = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

function numbersOf(ident: Buffer): Numbers {
  const wide = ident[4] === 2
  const little = ident[5] === 1
  const high = little ? 1 : 0
  return {
    wide,
    half: (bytes, at) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)),
    word: (bytes, at) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)),
    words(table) {
      const words = new Uint32Array(table.length >>> 2)
      const copy = Buffer.from(words.buffer)
      table.copy(copy)
      if (little !== IS_LITTLE_HOST) copy.swap32()
      return words
    },
    long: (words, at) => (wide ? words[at + high]! * 2 ** 32 + words[at + 1 - high]! : words[at]!),
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
  const { wide, half, words, long } = numbers
  if (wide && header.length < 64) return undefined
  const size = wide ? 56 : 32
  const count = Math.min(half(header, wide ? 56 : 44), MAX_HEADERS)
  const segments: Segment[] = []
  // The kernel takes no other size
  if (half(header, wide ? 54 : 42) !== size || count === 0) return { header, numbers, segments }
  const table = file.at(long(words(header), wide ? 8 : 7), size * count)
  const all = table && words(table)
  for (let at = 0; all && at < all.length; at += size / 4) {
    segments.push({
      type: all[at]!,
      flags: all[at + (wide ? 1 : 6)]!,
      offset: long(all, at + (wide ? 2 : 1)),
      address: long(all, at + (wide ? 4 : 2)),
      size: long(all, at + (wide ? 8 : 4)),
    })
  }
  return { header, numbers, segments }
}

/** The parts of a large file that must be kept while it goes by, as its first bytes tell. */
export function rangesOf(file: FileBytes): readonly Range[] {
  try {
    const found = readHeaders(file)
    if (!found) return []
    const { header, numbers, segments } = found
    const { wide, half, words, long } = numbers
    const sections = {
      offset: long(words(header), wide ? 10 : 8),
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
