const HEADER = 64
const SEGMENT = 56

/** A 64-bit ELF file that no CPU runs, with a build-id: as much of one as is read of programs and libraries. */
export function dynamicElf({
  needed,
  interpreter,
  id,
}: {
  readonly needed: readonly string[]
  readonly interpreter?: string | undefined
  readonly id: Buffer
}): Buffer {
  const strings = Buffer.from(`\0${needed.map((name) => `${name}\0`).join('')}`)
  const offsets = needed.map((_, index) => 1 + needed.slice(0, index).reduce((sum, name) => sum + name.length + 1, 0))
  const note = Buffer.concat([words(4, id.length, 3), Buffer.from('GNU\0'), id])
  const loader = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`)
  const count = interpreter === undefined ? 3 : 4
  const from = HEADER + SEGMENT * count
  const [atStrings, atNote, atLoader] = [from, from + strings.length, from + strings.length + note.length]
  const atDynamic = atLoader + loader.length
  const dynamic = longs(...offsets.flatMap((offset) => [1, offset]), 5, atStrings, 0, 0)
  const size = atDynamic + dynamic.length
  const segment = (type: number, at: number, length: number) =>
    Buffer.concat([words(type, 4), longs(at, at, at, length, length, 1)])
  return Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    words(0x003e0003, 1),
    longs(0, HEADER, 0),
    words(0),
    halves(HEADER, SEGMENT, count, 0, 0, 0),
    segment(1, 0, size),
    segment(2, atDynamic, dynamic.length),
    segment(4, atNote, note.length),
    ...(interpreter === undefined ? [] : [segment(3, atLoader, loader.length)]),
    strings,
    note,
    loader,
    dynamic,
  ])
}

function halves(...values: number[]): Buffer {
  return Buffer.concat(values.map((value) => Buffer.from([value & 255, value >> 8])))
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, index) => bytes.writeUInt32LE(value, 4 * index))
  return bytes
}

function longs(...values: number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length)
  values.forEach((value, index) => bytes.writeBigUInt64LE(BigInt(value), 8 * index))
  return bytes
}
