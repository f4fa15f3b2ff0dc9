import { XbuildError } from '../../errors.ts'
import { readElf, wordBytes, type Segment } from './elf.ts'
import { placesOfFixed } from './fixed-places.ts'

const FIXED = 2
const POSITION_INDEPENDENT = 3
const X86_64 = 62
const R_X86_64_RELATIVE = 8n
const PAGE = 4096

/** A twin, the program of the image, and texts that tell of their machines: of the twin's -> of the image's. */
export interface TextMoves {
  readonly twin: Buffer
  readonly program: Buffer
  readonly texts: Readonly<Record<string, string>>
  /** Instructions that take a letter for a signed number, and those that do not, as on the image's CPU: hex -> hex. */
  readonly letters?: Readonly<Record<string, string>>
  /** Code that names a text has its length beside it. */
  readonly sized?: boolean
}

/** Those of the texts that one of the two has: of several programs of a package not each tells its machine. */
export function textsOf(
  { twin, program }: Pick<TextMoves, 'twin' | 'program'>,
  texts: Readonly<Record<string, string>>,
): Record<string, string> {
  const has = (file: Buffer, text: string) => file.includes(`\0${text}\0`, 0, 'latin1')
  return Object.fromEntries(Object.entries(texts).filter(([from, to]) => has(twin, from) || has(program, to)))
}

/** Between the instruction that loads a length and the one that names the text. */
const NEAR = 16

/**
 * The twin with the texts of the image's program, where both have each once: a new text of the same length takes the
 * place of the old one; another goes to the unused end of the page behind the constants, and whatever named the old one
 * names it there. Throws NOT_FOUND with the reason where the two are not built as is understood here; half of them are
 * never moved.
 */
export function moveTexts({ twin, program, texts, letters = {}, sized = false }: TextMoves): Buffer {
  const elf = readElf(twin)
  const kind = twin.readUInt16LE(16)
  if (!elf || (kind !== POSITION_INDEPENDENT && kind !== FIXED) || twin.readUInt16LE(18) !== X86_64)
    throw strange('it is not an amd64 program')
  const made = Buffer.from(twin)
  let room: Room | undefined
  for (const [from, to] of Object.entries(texts)) {
    const old = onlyPlaceOf(made, from)
    if (!program.includes(Buffer.from(`\0${to}\0`, 'latin1'))) throw strange(`"${to}" is not in the image's`)
    const home = elf.loaded.find((part) => old >= part.offset && old < part.offset + part.size)
    if (!home || home.executable) throw strange(`"${from}" is not a constant`)
    const address = Number(home.address) + old - home.offset
    if (from.length === to.length) {
      if (kind === FIXED) throw strange('nobody has looked at such a text in a program of fixed addresses')
      if (placesNaming(made, elf.loaded, address).length === 0) throw strange(`nothing names "${from}"`)
      // Linkers let a text end as a part of another one
      const inside = Array.from(from, (_, more) => address + more).slice(1)
      if (inside.some((one) => placesNaming(made, elf.loaded, one).length > 0))
        throw strange(`something names a part of "${from}"`)
      made.write(to, old, 'latin1')
      continue
    }
    room ??= roomBehindConstants(made, elf.loaded)
    const size = to.length + 1
    if (size > room.size) throw strange(`it has no room for "${to}"`)
    made.write(to, room.offset, 'latin1')
    const named: readonly Place[] =
      kind === FIXED
        ? (placesOfFixed(made, elf.loaded, address) ?? []).map((at) => ({ at }))
        : placesNaming(made, elf.loaded, address)
    if (named.length === 0) throw strange(`nothing names "${from}"`)
    for (const { at, next } of named) {
      if (kind === FIXED) made.writeUInt32LE(room.address, at)
      else if (next === undefined) made.writeBigUInt64LE(BigInt(room.address), at)
      else made.writeInt32LE(room.address - next, at + 2)
      if (sized) resize(made, at, { from: from.length, to: to.length })
    }
    room = { offset: room.offset + size, address: room.address + size, size: room.size - size }
  }
  for (const [from, to] of Object.entries(letters)) {
    const [old, own] = [Buffer.from(from, 'hex'), Buffer.from(to, 'hex')]
    const at = made.indexOf(old)
    if (at < 0 || made.indexOf(old, at + 1) >= 0 || own.length !== old.length)
      throw strange(`the instructions ${from} are not in it once`)
    own.copy(made, at)
  }
  return made
}

/** Where a text lies, which ends there and begins after the end of another one. */
function onlyPlaceOf(file: Buffer, text: string): number {
  const whole = Buffer.from(`\0${text}\0`, 'latin1')
  const at = file.indexOf(whole)
  if (at < 0 || file.indexOf(whole, at + 1) >= 0) throw strange(`"${text}" is not in it once`)
  return at + 1
}

interface Room {
  readonly offset: number
  readonly address: number
  readonly size: number
}

function roomBehindConstants(file: Buffer, loaded: readonly Segment[]): Room {
  const part = loaded.findLast(
    ({ executable, writable, offset, address, size }) =>
      !executable && !writable && offset > 0 && Number(address) % PAGE === offset % PAGE && size % PAGE !== 0,
  )
  const at = (part?.offset ?? 0) + (part?.size ?? 0)
  const page = Math.ceil(at / PAGE) * PAGE
  // The page may hold the beginning of the next part, too
  const next = loaded.filter((one) => one !== part && one.offset + one.size > (part?.offset ?? 0))
  const end = Math.min(page, ...next.map((one) => one.offset))
  if (!part || end <= at || file.length < page || file.subarray(at, end).some((byte) => byte !== 0))
    throw strange('it has no unused place behind its constants')
  return { offset: at + 1, address: Number(part.address) + part.size + 1, size: end - at - 1 }
}

/** A place that names an address: in code, which names it from the `next` instruction on, or in a relocation. */
interface Place {
  readonly at: number
  readonly next?: number
}

/** Every place that names an address: `lea` in code (Intel's manual, volume 2), and relocations. */
function placesNaming(file: Buffer, loaded: readonly Segment[], wanted: number): Place[] {
  const found: Place[] = []
  for (const { offset, address, size, executable } of loaded) {
    if (executable) {
      for (let at = file.indexOf(0x8d, offset); at >= 0 && at + 6 <= offset + size; at = file.indexOf(0x8d, at + 1)) {
        const next = Number(address) + at + 6 - offset
        const wide = (file[at - 1]! & 0xf8) === 0x48
        if (wide && (file[at + 1]! & 0xc7) === 0x05 && next + file.readInt32LE(at + 2) === wanted)
          found.push({ at, next })
      }
    } else {
      const word = wordBytes(wanted)
      // Entries of .rela.dyn: place, kind, address
      for (let at = file.indexOf(word, offset); at >= 0 && at < offset + size; at = file.indexOf(word, at + 1))
        if (at >= 16 && file.readBigUInt64LE(at - 8) === R_X86_64_RELATIVE) found.push({ at })
    }
  }
  return found
}

/** Changes the length that is loaded (`mov` of a constant to %edx) just before the text at `place` is named. */
function resize(made: Buffer, place: number, { from, to }: { from: number; to: number }): void {
  const load = Buffer.from([0xba, 0, 0, 0, 0])
  load.writeUInt32LE(from, 1)
  const before = made.subarray(place - NEAR, place)
  const at = before.indexOf(load)
  if (at < 0 || before.indexOf(load, at + 1) >= 0) throw strange(`no length of ${from} stands beside a text`)
  before.writeUInt32LE(to, at + 1)
}

function strange(state: string): XbuildError {
  return new XbuildError('NOT_FOUND', `Cannot make a twin tell the image's machine: ${state}`)
}
