import { compact } from '../compact.ts'
import { armVersion } from './arm-attributes.ts'
import { floatAbi } from './float-abi.ts'
import { GO_BYTES, goVariant } from './go-settings.ts'
import type { FileBytes, Program } from './types.ts'

/** What the ELF specifications name e_machine, by GOARCH: [32 bit, 64 bit], little-endian first. */
const MACHINES: Readonly<Record<number, (wide: boolean, little: boolean) => string>> = {
  2: () => 'sparc',
  3: () => '386',
  8: (wide, little) => `mips${wide ? '64' : ''}${little ? 'le' : ''}`,
  18: () => 'sparc',
  20: () => 'ppc',
  21: (_, little) => (little ? 'ppc64le' : 'ppc64'),
  22: (wide) => (wide ? 's390x' : 's390'),
  40: (_, little) => (little ? 'arm' : 'armbe'),
  43: () => 'sparc64',
  62: (wide) => (wide ? 'amd64' : 'x32'),
  183: (wide, little) => (wide ? (little ? 'arm64' : 'arm64be') : 'arm64ilp32'),
  243: (wide) => (wide ? 'riscv64' : 'riscv32'),
  258: (wide) => (wide ? 'loong64' : 'loong32'),
  4: () => 'm68k',
  15: () => 'hppa',
  42: () => 'sh',
  50: () => 'ia64',
  36902: () => 'alpha',
}
/** What e_ident's OSABI means other than Linux and "not said". */
const OSES: Readonly<Record<number, string>> = { 2: 'netbsd', 6: 'solaris', 9: 'freebsd', 12: 'openbsd' }
const ET_EXEC = 2
const ET_DYN = 3
const PT_DYNAMIC = 2
const PT_LOAD = 1
const PT_INTERP = 3
const PT_NOTE = 4
const DT_NEEDED = 1n
const DT_STRTAB = 5n
const DT_FLAGS_1 = 0x6ffffffbn
const DF_1_PIE = 0x08000000n
const X86_ISA_NEEDED = 0xc0008002
/** More headers, and longer names, than any real file has. */
const MAX_HEADERS = 256
const MAX_NAME = 4096
const MAX_NEEDED = 512
const MAX_NOTES = 1 << 16

/** Flags of a segment that is data: read and write. */
const PF_DATA = 6

interface Segment {
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
interface Numbers {
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

/** The header of an ELF file, and its segments (System V ABI, chapters 4 and 5). */
function readHeaders(file: FileBytes) {
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
function goRange(segments: readonly Segment[]): readonly Range[] {
  const data = segments.find(({ type, flags }) => type === PT_LOAD && (flags & 7) === PF_DATA)
  return data ? [{ offset: data.offset, length: Math.min(data.size, GO_BYTES) }] : []
}

/** What an ELF file is made for; nothing for object files, cores, and what is not for a CPU. */
export function readElfProgram(file: FileBytes): Program | undefined {
  const found = readHeaders(file)
  if (!found) return undefined
  const { header, numbers, segments } = found
  const { wide, half } = numbers
  const type = half(header, 16)
  const machine = MACHINES[half(header, 18)]
  if ((type !== ET_EXEC && type !== ET_DYN) || !machine || segments.length === 0) return undefined
  const architecture = machine(wide, header[5] === 1)
  const interpreter = segments.find((segment) => segment.type === PT_INTERP)
  const loader =
    interpreter &&
    textOf(file.at(interpreter.offset, Math.min(interpreter.size, MAX_NAME, file.size - interpreter.offset)))
  const { needed, isPie } = readDynamic(file, numbers, segments)
  const [go] = goRange(segments)
  const built = go && goVariant(file.at(go.offset, go.length), architecture)
  const variant =
    built ??
    (architecture === 'amd64' || architecture === '386'
      ? levelOf(file, numbers, segments)
      : architecture === 'arm'
        ? armVersion(file, header)
        : undefined)
  const abi = floatAbi(architecture, numbers.word(header, wide ? 48 : 36))
  return {
    format: 'elf',
    os: OSES[header[7]!] ?? 'linux',
    architecture,
    // A library may name a loader to be started for its version; what says that it is a program is one
    kind: type === ET_EXEC || isPie || (loader !== undefined && loader !== '') ? 'program' : 'library',
    ...compact({ variant, abi }),
    ...(loader ? { loader } : {}),
    ...(needed.length > 0 ? { needed } : {}),
  }
}

function readDynamic(
  file: FileBytes,
  { wide, long }: Numbers,
  segments: readonly Segment[],
): { needed: string[]; isPie: boolean } {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC)
  const table = dynamic && file.at(dynamic.offset, dynamic.size)
  if (!table) return { needed: [], isPie: false }
  const step = wide ? 8 : 4
  const entries: [tag: bigint, value: bigint][] = []
  for (let at = 0; at + 2 * step <= table.length; at += 2 * step) {
    const tag = long(table, at)
    if (tag === 0n) break
    entries.push([tag, long(table, at + step)])
  }
  const isPie = entries.some(([tag, value]) => tag === DT_FLAGS_1 && (value & DF_1_PIE) !== 0n)
  const strings = entries.find(([tag]) => tag === DT_STRTAB)?.[1]
  const home =
    strings === undefined
      ? undefined
      : segments.find(
          ({ type, address, size }) => type === PT_LOAD && strings >= address && strings < address + BigInt(size),
        )
  if (strings === undefined || !home) return { needed: [], isPie }
  const base = home.offset + Number(strings - home.address)
  const names = entries
    .filter(([tag]) => tag === DT_NEEDED)
    .slice(0, MAX_NEEDED)
    .map(([, value]) => nameAt(file, base + Number(value)))
  return { needed: names.filter((name) => name !== ''), isPie }
}

/** A name of up to 255 bytes. */
function nameAt(file: FileBytes, offset: number): string {
  return textOf(file.at(offset, Math.min(256, file.size - offset)))
}

function textOf(bytes: Buffer | undefined): string {
  if (!bytes) return ''
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

/**
 * The level of the x86-64 psABI that a program needs, from its `.note.gnu.property` (NT_GNU_PROPERTY_TYPE_0,
 * GNU_PROPERTY_X86_ISA_1_NEEDED).
 */
function levelOf(file: FileBytes, { wide, word }: Numbers, segments: readonly Segment[]): string | undefined {
  const unit = wide ? 8 : 4
  const up = (size: number, to: number) => Math.ceil(size / to) * to
  let bits = 0
  for (const { offset, size } of segments.filter(({ type }) => type === PT_NOTE)) {
    const notes = size > MAX_NOTES ? undefined : file.at(offset, size)
    if (!notes) continue
    for (let at = 0; at + 12 <= notes.length; ) {
      const [nameSize, contentSize, type] = [word(notes, at), word(notes, at + 4), word(notes, at + 8)]
      const from = at + 12 + up(nameSize, 4)
      if (type === 5 && notes.toString('latin1', at + 12, at + 16) === 'GNU\0')
        for (let property = from; property + 12 <= Math.min(from + contentSize, notes.length); ) {
          const length = word(notes, property + 4)
          if (word(notes, property) === X86_ISA_NEEDED) bits |= word(notes, property + 8)
          property += 8 + up(length, unit)
        }
      at = from + up(contentSize, type === 5 ? unit : 4)
    }
  }
  const level = [3, 2, 1].find((bit) => (bits & (1 << bit)) !== 0)
  return level === undefined ? undefined : `v${level + 1}`
}
