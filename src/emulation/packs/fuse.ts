import { XbuildError } from '../../errors.ts'

const PT_LOAD = 1
const PT_NOTE = 4
const HEADER = 56
/** The largest page of any host. */
const PAGE = 0x10000
const LITTLE_64 = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1])

/** Bytes of a program in which its headers are looked for. */
export const HEAD = 4096

/** What is different in a QEMU with the handler: it begins with `head`, and `tail` comes after its end. */
export interface Fusion {
  readonly head: Buffer
  readonly tail: Buffer
}

/**
 * A static QEMU that begins with the handler (`qemu/handler`): the blob is appended, a note header becomes its segment,
 * the entry point moves to it, and at its offset 8 it learns the way back to QEMU's own entry. Takes the first bytes of
 * QEMU, `HEAD` of them or all there are, and its size. Throws HOST for a program that has no room for it.
 */
export function fuse(qemu: Buffer, size: number, blob: Buffer): Fusion {
  const refuse = (state: string) => new XbuildError('HOST', `Cannot put the handler before QEMU: ${state}`)
  if (qemu.length < 64 || !qemu.subarray(0, 6).equals(LITTLE_64)) throw refuse('it is not a 64-bit ELF program')
  const table = Number(qemu.readBigUInt64LE(32))
  const count = qemu.readUInt16LE(56)
  if (qemu.readUInt16LE(54) !== HEADER || count === 0 || !(table + count * HEADER <= qemu.length))
    throw refuse('its program headers are damaged')
  const headers = Array.from({ length: count }, (_, index) => {
    const at = table + index * HEADER
    return { at, type: qemu.readUInt32LE(at), end: qemu.readBigUInt64LE(at + 16) + qemu.readBigUInt64LE(at + 40) }
  })
  const loads = headers.filter(({ type }) => type === PT_LOAD)
  const note = headers.findLast(({ type }) => type === PT_NOTE)
  // Segments must stand in the order of their addresses, and ours comes last
  if (!note || loads.length === 0 || note.at < loads.at(-1)!.at) throw refuse('it has no note that could make room')
  const top = loads.reduce((highest, { end }) => (end > highest ? end : highest), 0n)
  const address = roundUp(top)
  const offset = Number(roundUp(BigInt(size)))
  const entry = qemu.readBigUInt64LE(24)

  const handler = Buffer.from(blob)
  handler.writeBigInt64LE(entry - address, 8)
  const head = Buffer.from(qemu)
  head.writeBigUInt64LE(address, 24)
  head.writeUInt32LE(PT_LOAD, note.at)
  head.writeUInt32LE(5, note.at + 4) // readable, executable
  for (const [index, value] of [
    BigInt(offset),
    address,
    address,
    BigInt(handler.length),
    BigInt(handler.length),
    BigInt(PAGE),
  ].entries()) {
    head.writeBigUInt64LE(value, note.at + 8 + index * 8)
  }
  return { head, tail: Buffer.concat([Buffer.alloc(offset - size), handler]) }
}

function roundUp(value: bigint): bigint {
  const page = BigInt(PAGE)
  return ((value + page - 1n) / page) * page
}
