import { armVersion } from './arm-attributes.ts'
import {
  goRange,
  PT_DYNAMIC,
  PT_INTERP,
  PT_LOAD,
  readHeaders,
  type Headers,
  type Numbers,
  type Segment,
} from './elf-headers.ts'
import { floatAbi } from './float-abi.ts'
import { goVariant } from './go-settings.ts'
import { isaLevel } from './isa-level.ts'
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
const DT_NEEDED = 1
const DT_STRTAB = 5
const DT_FLAGS_1 = 0x6ffffffb
const DF_1_PIE = 0x08000000
/** A longer name, or more names, than any real file has. */
const MAX_NAME = 4096
const MAX_NEEDED = 512
/** A larger table than any real file has. Bytes. */
const MAX_DYNAMIC = 1 << 20
/** What a loader is called: the kernel finds it from the root. */
const LOADER = /^\/[\x21-\x7e]+$/

/** The third ABI of 64-bit MIPS has the headers of 32-bit programs, which only CPUs of 64 bits run (EF_MIPS_ABI2). */
function nameOf(architecture: string, { wide, flags }: { readonly wide: boolean; readonly flags: number }): string {
  if (wide || !/^mips(?:le)?$/.test(architecture) || (flags & 0x20) === 0) return architecture
  return architecture.replace('mips', 'mipsn32')
}

/** What an ELF file is made for; nothing for object files, cores, and what is not for a CPU. */
export function readElfProgram(file: FileBytes): Program | undefined {
  const found = readHeaders(file)
  if (!found?.hasSegments) return undefined
  const { header, numbers, segments } = found
  const { wide, half } = numbers
  const type = half(header, 16)
  const machine = MACHINES[half(header, 18)]
  if ((type !== ET_EXEC && type !== ET_DYN) || !machine) return undefined
  const flags = numbers.words(header)[wide ? 12 : 9]!
  const architecture = nameOf(machine(wide, header[5] === 1), { wide, flags })
  const loader = loaderOf(file, segments)
  const { needed, isPie } = readDynamic(file, numbers, segments)
  const variant = goVariantOf(file, segments, architecture) ?? variantOf(file, found, architecture)
  const abi = floatAbi(architecture, flags)
  const program: { -readonly [K in keyof Program]: Program[K] } = {
    format: 'elf',
    os: OSES[header[7]!] ?? 'linux',
    architecture,
    // A library may name a loader to be started for its version; what says that it is a program is one
    kind: type === ET_EXEC || isPie || loader !== undefined ? 'program' : 'library',
  }
  if (variant !== undefined) program.variant = variant
  if (abi !== undefined) program.abi = abi
  if (loader !== undefined) program.loader = loader
  if (needed.length > 0) program.needed = needed
  return program
}

function loaderOf(file: FileBytes, segments: readonly Segment[]): string | undefined {
  for (const { type, offset, size } of segments) {
    if (type !== PT_INTERP) continue
    const named = textOf(file.at(offset, Math.min(size, MAX_NAME, file.size - offset)))
    // In files of debug information something else lies there
    return LOADER.test(named) ? named : undefined
  }
  return undefined
}

function goVariantOf(file: FileBytes, segments: readonly Segment[], architecture: string): string | undefined {
  const data = goRange(segments)
  return data && goVariant(file, data, architecture)
}

function variantOf(file: FileBytes, { header, numbers, segments }: Headers, architecture: string): string | undefined {
  if (architecture === 'amd64' || architecture === '386') return isaLevel(file, numbers, segments)
  return architecture === 'arm' ? armVersion(file, header) : undefined
}

function readDynamic(
  file: FileBytes,
  { wide, words, long }: Numbers,
  segments: readonly Segment[],
): { needed: string[]; isPie: boolean } {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC)
  const table = dynamic && file.at(dynamic.offset, dynamic.size)
  if (!table) return { needed: [], isPie: false }
  const all = words(table.length > MAX_DYNAMIC ? table.subarray(0, MAX_DYNAMIC) : table)
  const step = wide ? 2 : 1
  const wanted: number[] = []
  let strings: number | undefined
  let isPie = false
  for (let at = 0; at + 2 * step <= all.length; at += 2 * step) {
    const tag = long(all, at)
    if (tag === 0) break
    if (tag === DT_NEEDED && wanted.length < MAX_NEEDED) wanted.push(long(all, at + step))
    else if (tag === DT_STRTAB) strings ??= long(all, at + step)
    else if (tag === DT_FLAGS_1) isPie ||= (long(all, at + step) & DF_1_PIE) !== 0
  }
  const needed: string[] = []
  if (strings === undefined || wanted.length === 0) return { needed, isPie }
  const start = strings
  const home = segments.find(
    ({ type, address, size }) => type === PT_LOAD && start >= address && start < address + size,
  )
  if (!home) return { needed, isPie }
  const base = home.offset + start - home.address
  for (const value of wanted) {
    const name = nameAt(file, base + value)
    if (name !== '') needed.push(name)
  }
  return { needed, isPie }
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
