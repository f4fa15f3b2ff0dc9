import { XbuildError } from '../../errors.ts'
import { readElf, wordBytes, type Segment } from './elf.ts'

/**
 * What makes the driver of a cross compiler one that is at home: Debian's cross compilers lie in folders of their own,
 * and their drivers look for files in fewer places than one that compiles for its own machine. Everything else in it is
 * of the same source and for the same CPU.
 */
export interface Edits {
  /** How texts in the program begin, and what that becomes, which is no longer; releases have some of them. */
  readonly texts?: Readonly<Record<string, string>>
  /** Specs (GCC's manual, "Specifying Subprocesses") that no option sets, and their new text of at most one letter. */
  readonly specs?: Readonly<Record<string, string>>
  /** Two texts that the program puts before names of others, which have none there on their own machine. */
  readonly prefix?: readonly [string, string]
}

const FIXED_ADDRESSES = 2
const X86_64 = 62
/**
 * Instructions that an address may follow at once: mov to each register, push, cmp; and those with other bytes
 * between (Intel's manual, volume 2, appendix A).
 */
const MOVES = [0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf, 0x68, 0x3d]
const TAKERS = [0xc7, 0x81]

/**
 * The program with its edits made. Throws NOT_FOUND with the reason where it is not built as is understood here; half
 * of them are never made.
 */
export function editDriver(program: Buffer, { texts = {}, specs = {}, prefix }: Edits): Buffer {
  const elf = readElf(program)
  if (!elf || program.readUInt16LE(16) !== FIXED_ADDRESSES || program.readUInt16LE(18) !== X86_64)
    throw strange('it is not an amd64 program with fixed addresses')
  const made = Buffer.from(program)
  const begun = Object.keys(texts).filter((from) => beginnings(made, from).length > 0)
  if (begun.length === 0 && Object.keys(texts).length > 0)
    throw strange(`no string in it begins with "${Object.keys(texts).join('" or "')}"`)
  for (const [from, to] of Object.entries(texts)) {
    const found = beginnings(made, from)
    for (const at of found) shorten(made, elf.loaded, { at, from, to })
  }
  for (const [name, text] of Object.entries(specs)) setSpec(made, elf.loaded, { name, text })
  if (prefix) emptyPrefix(made, elf.loaded, prefix)
  return made
}

/** How far apart code names two texts that it joins. */
const NEAR = 16

/** Makes both texts empty wherever code names them together; elsewhere they stay. */
function emptyPrefix(made: Buffer, loaded: readonly Segment[], [first, second]: readonly [string, string]): void {
  const places = loaded.filter(({ executable }) => executable).flatMap((part) => constantsIn(made, part))
  const isText = (at: number, text: string) => {
    const offset = offsetOf(loaded, BigInt(made.readUInt32LE(at)))
    return offset !== undefined && made.indexOf(`${text}\0`, offset, 'latin1') === offset
  }
  const seconds = places.filter((at) => isText(at, second))
  const pairs = places
    .filter((at) => isText(at, first))
    .flatMap((one) => seconds.filter((at) => Math.abs(at - one) <= NEAR).map((other) => [one, other] as const))
  if (pairs.length === 0) throw strange(`nothing in it joins "${first}" and "${second}"`)
  if (new Set(pairs.flat()).size !== 2 * pairs.length) throw strange('it joins texts in another way')
  for (const [one, other] of pairs)
    for (const [at, text] of [
      [one, first],
      [other, second],
    ] as const)
      made.writeUInt32LE(made.readUInt32LE(at) + text.length, at) // to the end of the text
}

/** Where constants stand in code that it puts into registers. */
function constantsIn(made: Buffer, { offset, size }: Segment): number[] {
  const found: number[] = []
  for (let at = offset + 1; at + 4 <= offset + size; at++) if ((made[at - 1]! & 0xf8) === 0xb8) found.push(at)
  return found
}

function shorten(
  made: Buffer,
  loaded: readonly Segment[],
  { at, from, to }: { at: number; from: string; to: string },
): void {
  const address = addressOf(loaded, at)
  const text = made.toString('latin1', at, made.indexOf(0, at))
  if (to.length > from.length) throw strange(`"${to}" is longer than "${from}"`)
  // Linkers let a text that is the end of another one begin inside of it
  for (let inside = 1; inside < text.length; inside++) {
    if (loaded.some((part) => isNamed(made, part, address + inside)))
      throw strange(`another string may begin inside of "${text}"`)
  }
  made.fill(0, at, at + text.length)
  made.write(to + text.slice(from.length), at, 'latin1')
}

/**
 * Whether code puts this address somewhere, or data hold it. Bytes that look alike by chance are in code, since every
 * second instruction is some address.
 */
function isNamed(made: Buffer, { offset, size, executable }: Segment, address: number): boolean {
  const bytes = made.subarray(offset, offset + size)
  if (!executable) return bytes.includes(wordBytes(address))
  const wanted = word(address)
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
    if (
      MOVES.includes(bytes[at - 1] ?? 0) ||
      bytes.subarray(Math.max(0, at - 7), at).some((byte) => TAKERS.includes(byte))
    )
      return true
  }
  return false
}

/**
 * In the table of specs there are, one after another, the addresses of the name, of a text, and of the variable that
 * holds the text's address.
 */
function setSpec(made: Buffer, loaded: readonly Segment[], { name, text }: { name: string; text: string }): void {
  const pointerAt = (at: number) => offsetOf(loaded, made.readBigUInt64LE(at))
  for (const named of beginnings(made, `${name}\0`)) {
    const entry = made.indexOf(wordBytes(addressOf(loaded, named)))
    const variable = entry < 0 ? undefined : pointerAt(entry + 16)
    const old = variable === undefined ? undefined : pointerAt(variable)
    const [other] = beginnings(made, `${text}\0`)
    if (variable === undefined || old === undefined || other === undefined || !isText(made, old)) continue
    made.writeBigUInt64LE(BigInt(addressOf(loaded, other)), variable)
    return
  }
  throw strange(`its spec "${name}" was not found`)
}

function isText(made: Buffer, at: number): boolean {
  const end = made.indexOf(0, at)
  return end > at && made.subarray(at, end).every((byte) => byte >= 0x20 && byte < 0x7f)
}

/** Where texts begin so. */
function beginnings(file: Buffer, text: string): number[] {
  const found: number[] = []
  for (let at = file.indexOf(`\0${text}`); at >= 0; at = file.indexOf(`\0${text}`, at + 1)) found.push(at + 1)
  return found
}

function addressOf(loaded: readonly Segment[], offset: number): number {
  const home = loaded.find((part) => offset >= part.offset && offset < part.offset + part.size)
  if (!home) throw strange('a string in it is not loaded into memory')
  return Number(home.address) + offset - home.offset
}

function offsetOf(loaded: readonly Segment[], address: bigint): number | undefined {
  const home = loaded.find((part) => address >= part.address && address < part.address + BigInt(part.size))
  return home && home.offset + Number(address - home.address)
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function strange(state: string): XbuildError {
  return new XbuildError('NOT_FOUND', `Cannot make the twin of a compiler's driver: ${state}`)
}
