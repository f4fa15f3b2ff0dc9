import { GO_BYTES } from './go-settings.ts'
import type { FileBytes, Range } from './types.ts'

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

/**
 * Readers of numbers in the byte order and width of a file. A layer has hundreds of programs, too few for V8 to make
 * machine code of what reads them before most are read: few calls, small ones, and no numbers but small integers.
 */
export interface Numbers {
  readonly wide: boolean
  half(bytes: Buffer, at: number): number
  /** All 32-bit words of a table. */
  words(table: Buffer): Uint32Array
  /** Word `at` of `words`, or the number of 64 bits that begins there. Above 2^53 it is not exact: only kernels lie there. */
  long(words: Uint32Array, at: number): number
}

const IS_LITTLE_HOST = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

function numbersFor(wide: boolean, little: boolean): Numbers {
  const [low, high] = little ? [0, 1] : [1, 0]
  return {
    wide,
    half: little
      ? (bytes, at) => bytes[at]! | (bytes[at + 1]! << 8)
      : (bytes, at) => (bytes[at]! << 8) | bytes[at + 1]!,
    words: little === IS_LITTLE_HOST ? wordsOf : swappedWordsOf,
    long: wide
      ? (words, at) => (words[at + high] === 0 ? words[at + low]! : words[at + high]! * 2 ** 32 + words[at + low]!)
      : (words, at) => words[at]!,
  }
}

function wordsOf(table: Buffer): Uint32Array {
  const isAligned = (table.byteOffset & 3) === 0
  const { buffer, byteOffset } = isAligned ? table : Uint8Array.from(table)
  return new Uint32Array(buffer, byteOffset, table.length >>> 2)
}

function swappedWordsOf(table: Buffer): Uint32Array {
  const copy = Uint8Array.from(table.subarray(0, table.length & ~3))
  Buffer.from(copy.buffer).swap32()
  return new Uint32Array(copy.buffer)
}

const WIDE = { little: numbersFor(true, true), big: numbersFor(true, false) }
const NARROW = { little: numbersFor(false, true), big: numbersFor(false, false) }

/** What an ELF file begins with. */
export interface Headers {
  readonly header: Buffer
  readonly numbers: Numbers
  /** Those of the types that are named above. */
  readonly segments: readonly Segment[]
  /** There are some, of any type. */
  readonly hasSegments: boolean
}

/** The header of an ELF file, and its segments (System V ABI, chapters 4 and 5). */
export function readHeaders(file: FileBytes): Headers | undefined {
  const header = file.at(0, Math.min(64, file.size))
  if (!header || header.length < 52 || (header[4] !== 1 && header[4] !== 2) || (header[5] !== 1 && header[5] !== 2))
    return undefined
  const numbers = (header[4] === 2 ? WIDE : NARROW)[header[5] === 1 ? 'little' : 'big']
  const { wide, half, words, long } = numbers
  if (wide && header.length < 64) return undefined
  const size = wide ? 56 : 32
  const count = Math.min(half(header, wide ? 56 : 44), MAX_HEADERS)
  // The kernel takes no other size
  if (half(header, wide ? 54 : 42) !== size || count === 0) return { header, numbers, segments: [], hasSegments: false }
  const table = file.at(long(words(header), wide ? 8 : 7), size * count)
  if (!table) return { header, numbers, segments: [], hasSegments: false }
  const all = words(table)
  const segments: Segment[] = []
  for (let at = 0; at < all.length; at += size / 4) {
    const type = all[at]!
    if (type === 0 || type > PT_NOTE) continue
    segments.push({
      type,
      flags: all[wide ? at + 1 : at + 6]!,
      offset: long(all, wide ? at + 2 : at + 1),
      address: long(all, wide ? at + 4 : at + 2),
      size: long(all, wide ? at + 8 : at + 4),
    })
  }
  return { header, numbers, segments, hasSegments: true }
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
    const data = goRange(segments)
    return [...wanted, ...(data ? [data] : []), sections].filter(({ length }) => length > 0 && length <= 1 << 20)
  } catch (error) {
    if (error instanceof RangeError) return []
    throw error
  }
}

/** Where a Go program says how it was built: in the beginning of its data. */
export function goRange(segments: readonly Segment[]): Range | undefined {
  for (const { type, flags, offset, size } of segments)
    if (type === PT_LOAD && (flags & 7) === PF_DATA) return { offset, length: Math.min(size, GO_BYTES) }
  return undefined
}
