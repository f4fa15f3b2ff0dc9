import { closeSync, openSync, readSync } from 'node:fs'
import { compact } from '../../compact.ts'
const PT_DYNAMIC = 2
const PT_INTERP = 3
const PT_LOAD = 1
const PT_NOTE = 4
const PF_X = 1
const PF_W = 2
const DT_NEEDED = 1n
const DT_STRTAB = 5n
const DT_STRSZ = 10n
const MAX_HEADERS = 64

/** What is asked of an ELF program or library. */
export interface ElfFacts {
  /** GNU build-id in hex, or `go-` and the content digest of a Go build ID: as the handler writes it. */
  readonly id?: string
  /** Libraries, by DT_NEEDED. */
  readonly needed: readonly string[]
  /** The loader. */
  readonly interpreter?: string
  /** What is brought into memory. */
  readonly loaded: readonly Segment[]
}

/**
 * Part of an ELF file that a program header describes: where it lies in the file, in memory, and its bytes in the
 * file.
 */
export interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: bigint
  readonly size: number
  /** Holds code. */
  readonly executable: boolean
  readonly writable: boolean
}

/** Reads a whole ELF file; nothing for what is none or is damaged. */
export function readElf(file: Buffer): ElfFacts | undefined {
  return readParts((offset, size) => file.subarray(offset, offset + size))
}

/** The same of a file on disk, of which only the parts that matter are read: compilers are large. */
export function readElfFile(path: string): ElfFacts | undefined {
  const file = openSync(path, 'r')
  try {
    return readParts((offset, size) => {
      const bytes = Buffer.alloc(size)
      return bytes.subarray(0, readSync(file, bytes, 0, size, offset))
    })
  } finally {
    closeSync(file)
  }
}

/** Gives bytes of a file: fewer where it ends. */
type Part = (offset: number, size: number) => Buffer

/** Of damaged files, too. Bytes. */
const LONGEST_PART = 1 << 24

function readParts(part: Part): ElfFacts | undefined {
  try {
    return read((offset, size) => {
      if (offset < 0 || size < 0 || size > LONGEST_PART || offset + size > Number.MAX_SAFE_INTEGER)
        throw new RangeError(`no part of ${size} bytes at ${offset}`)
      return part(offset, size)
    })
  } catch (error) {
    if (error instanceof RangeError) return undefined // it points outside of itself
    throw error
  }
}

function read(part: Part): ElfFacts | undefined {
  const head = part(0, 64)
  if (head.length < 52 || head.readUInt32BE(0) !== 0x7f454c46) return undefined
  const wide = head[4] === 2
  const little = head[5] === 1
  const half = (from: Buffer, at: number) => (little ? from.readUInt16LE(at) : from.readUInt16BE(at))
  const word = (from: Buffer, at: number) => (little ? from.readUInt32LE(at) : from.readUInt32BE(at))
  const long = (from: Buffer, at: number) =>
    wide ? (little ? from.readBigUInt64LE(at) : from.readBigUInt64BE(at)) : BigInt(word(from, at))
  const step = wide ? 8 : 4
  const size = half(head, wide ? 54 : 42)
  const count = Math.min(half(head, wide ? 56 : 44), MAX_HEADERS)
  const table = part(Number(long(head, wide ? 32 : 28)), count * size)
  const segments = Array.from({ length: count }, (_, index): Segment => {
    const at = index * size
    return {
      type: word(table, at),
      offset: Number(long(table, at + (wide ? 8 : 4))),
      address: long(table, at + (wide ? 16 : 8)),
      size: Number(long(table, at + (wide ? 32 : 16))),
      executable: (word(table, at + (wide ? 4 : 24)) & PF_X) !== 0,
      writable: (word(table, at + (wide ? 4 : 24)) & PF_W) !== 0,
    }
  })
  const interpreter = segments.find(({ type }) => type === PT_INTERP)
  const id = segments
    .filter(({ type }) => type === PT_NOTE)
    .map((notes) => idOf(part(notes.offset, notes.size), little))
    .find(Boolean)
  return {
    needed: neededOf(),
    loaded: segments.filter(({ type }) => type === PT_LOAD),
    ...(id ? { id } : {}),
    ...compact({ interpreter: interpreter && textAt(part(interpreter.offset, interpreter.size), 0) }),
  }

  function neededOf(): string[] {
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC)
    if (!dynamic) return []
    const bytes = part(dynamic.offset, dynamic.size)
    const entries: [tag: bigint, value: bigint][] = []
    for (let at = 0; at < dynamic.size; at += 2 * step) entries.push([long(bytes, at), long(bytes, at + step)])
    const valueOf = (wanted: bigint) => entries.find(([tag]) => tag === wanted)?.[1]
    const table = valueOf(DT_STRTAB)
    const home = segments.find(
      ({ type, address, size }) =>
        type === PT_LOAD && table !== undefined && table >= address && table < address + BigInt(size),
    )
    if (table === undefined || !home) return []
    const start = Number(table - home.address)
    const strings = part(home.offset + start, Number(valueOf(DT_STRSZ) ?? home.size - start))
    return entries.filter(([tag]) => tag === DT_NEEDED).map(([, value]) => textAt(strings, Number(value)))
  }
}

function idOf(notes: Buffer, little: boolean): string | undefined {
  const word = (at: number) => (little ? notes.readUInt32LE(at) : notes.readUInt32BE(at))
  for (let at = 0; at + 12 <= notes.length; ) {
    const [name, size, type] = [word(at), word(at + 4), word(at + 8)]
    const from = at + 12 + align(name)
    const owner = notes.toString('latin1', at + 12, at + 12 + name)
    const content = notes.subarray(from, from + size)
    if (owner === 'GNU\0' && type === 3 && size >= 8 && size <= 32) return content.toString('hex')
    if (owner === 'Go\0\0' && type === 4) {
      const part = content.toString('latin1').split('/').at(-1)!
      return /^[\w-]{16,60}$/.test(part) ? `go-${part}` : undefined
    }
    at = from + align(size)
  }
  return undefined
}

function align(size: number): number {
  return (size + 3) & ~3
}

function textAt(file: Buffer, at: number): string {
  const end = file.indexOf(0, at)
  return end < 0 ? '' : file.toString('utf8', at, end)
}

/** The options a GCC was configured with, as its programs carry them; empty when they carry none. */
export function configuredWith(file: Buffer): string[] {
  const at = file.indexOf('../src/configure -v ')
  return at < 0
    ? []
    : textAt(file, at)
        .split(/ +(?=--)/)
        .slice(1)
}

/** An address or size as 64-bit little-endian files have it: 8 bytes. */
export function wordBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
