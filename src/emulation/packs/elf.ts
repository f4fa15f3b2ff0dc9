import { compact } from '../../compact.ts'
const PT_DYNAMIC = 2
const PT_INTERP = 3
const PT_LOAD = 1
const PT_NOTE = 4
const PF_X = 1
const PF_W = 2
const DT_NEEDED = 1n
const DT_STRTAB = 5n
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
  try {
    return read(file)
  } catch (error) {
    if (error instanceof RangeError) return undefined // it points outside of itself
    throw error
  }
}

function read(file: Buffer): ElfFacts | undefined {
  if (file.length < 52 || file.readUInt32BE(0) !== 0x7f454c46) return undefined
  const wide = file[4] === 2
  const little = file[5] === 1
  const half = (at: number) => (little ? file.readUInt16LE(at) : file.readUInt16BE(at))
  const word = (at: number) => (little ? file.readUInt32LE(at) : file.readUInt32BE(at))
  const long = (at: number) =>
    wide ? (little ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at)) : BigInt(word(at))
  const step = wide ? 8 : 4
  const table = Number(long(wide ? 32 : 28))
  const size = half(wide ? 54 : 42)
  const count = Math.min(half(wide ? 56 : 44), MAX_HEADERS)
  const segments = Array.from({ length: count }, (_, index): Segment => {
    const at = table + index * size
    return {
      type: word(at),
      offset: Number(long(at + (wide ? 8 : 4))),
      address: long(at + (wide ? 16 : 8)),
      size: Number(long(at + (wide ? 32 : 16))),
      executable: (word(at + (wide ? 4 : 24)) & PF_X) !== 0,
      writable: (word(at + (wide ? 4 : 24)) & PF_W) !== 0,
    }
  })
  const interpreter = segments.find(({ type }) => type === PT_INTERP)
  const id = segments
    .filter(({ type }) => type === PT_NOTE)
    .map((notes) => idOf(file.subarray(notes.offset, notes.offset + notes.size), little))
    .find(Boolean)
  return {
    needed: neededOf(),
    loaded: segments.filter(({ type }) => type === PT_LOAD),
    ...(id ? { id } : {}),
    ...compact({ interpreter: interpreter && textAt(file, interpreter.offset) }),
  }

  function neededOf(): string[] {
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC)
    if (!dynamic) return []
    const entries: [tag: bigint, value: bigint][] = []
    for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 2 * step)
      entries.push([long(at), long(at + step)])
    const table = entries.find(([tag]) => tag === DT_STRTAB)?.[1]
    const home = segments.find(
      ({ type, address, size }) =>
        type === PT_LOAD && table !== undefined && table >= address && table < address + BigInt(size),
    )
    if (table === undefined || !home) return []
    const strings = home.offset + Number(table - home.address)
    return entries.filter(([tag]) => tag === DT_NEEDED).map(([, value]) => textAt(file, strings + Number(value)))
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
