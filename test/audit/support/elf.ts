/** What a made ELF file says of itself. */
export interface MadeElf {
  /** e_machine: 62 is amd64, 183 arm64, 40 arm, 3 386, 243 riscv64. */
  readonly machine: number
  readonly wide?: boolean
  readonly big?: boolean
  /** 2 is a program at a fixed address, 3 a library or PIE, 1 an object file. */
  readonly type?: number
  readonly osabi?: number
  readonly loader?: string
  readonly needed?: readonly string[]
  /** Bits of GNU_PROPERTY_X86_ISA_1_NEEDED. */
  readonly isa?: number
  /** Tag_CPU_arch of `.ARM.attributes`. */
  readonly armArch?: number
  /** e_flags. */
  readonly flags?: number
  /** Lines of the build information that Go writes. */
  readonly goBuild?: string
  /** Bytes between the headers and the rest. */
  readonly gap?: number
}

/** An ELF file with just the parts that say what it is made for. */
export function makeElf(made: MadeElf): Buffer {
  const { machine, wide = true, big = false, type = 2, osabi = 0, loader, needed = [], isa, armArch, gap = 0 } = made
  const { flags = 0, goBuild } = made
  const half = (value: number) => number(value, 2)
  const word = (value: number) => number(value, 4)
  const long = (value: number) => number(value, wide ? 8 : 4)
  function number(value: number, bytes: number): Buffer {
    const out = Buffer.alloc(bytes)
    for (let at = 0; at < bytes; at += 1)
      out[big ? bytes - 1 - at : at] = Number((BigInt(value) >> BigInt(8 * at)) & 0xffn)
    return out
  }
  const headerSize = wide ? 64 : 52
  const entrySize = wide ? 56 : 32
  const parts: { readonly type: number; readonly bytes: Buffer }[] = []
  if (loader !== undefined) parts.push({ type: 3, bytes: Buffer.from(`${loader}\0`) })
  if (isa !== undefined)
    parts.push({
      type: 4,
      bytes: Buffer.concat([
        word(4),
        word(wide ? 16 : 12),
        word(5),
        Buffer.from('GNU\0'),
        word(0xc0008002),
        word(4),
        word(isa),
        Buffer.alloc(wide ? 4 : 0),
      ]),
    })
  const data =
    goBuild === undefined
      ? undefined
      : Buffer.concat([
          Buffer.alloc(48),
          Buffer.from('\xff Go buildinf:\x08\x02', 'latin1'),
          Buffer.alloc(16),
          Buffer.from(`path\tx\n${goBuild}`),
        ])
  const strings = Buffer.from(`\0${needed.map((name) => `${name}\0`).join('')}`)
  const hasDynamic = needed.length > 0
  const count = parts.length + 1 + (hasDynamic ? 1 : 0) + (data ? 1 : 0)
  let offset = headerSize + count * entrySize + gap
  const placed = parts.map((part) => {
    const at = offset
    offset += Math.ceil(part.bytes.length / 8) * 8
    return { ...part, at }
  })
  const stringsAt = offset
  offset += Math.ceil(strings.length / 8) * 8
  let at = 1
  const names = needed.map((name) => {
    const here = at
    at += name.length + 1
    return here
  })
  const dynamic = Buffer.concat([
    ...names.flatMap((name) => [long(1), long(name)]),
    long(5),
    long(stringsAt),
    long(0),
    long(0),
  ])
  const dynamicAt = offset
  if (hasDynamic) offset += dynamic.length
  const dataAt = offset
  offset += data?.length ?? 0
  const attributes =
    armArch === undefined
      ? undefined
      : Buffer.concat([
          Buffer.from('A'),
          word(0),
          Buffer.from('aeabi\0'),
          Buffer.from([1]),
          word(0),
          Buffer.from([5]),
          Buffer.from('7-A\0'),
          Buffer.from([6, armArch]),
        ])
  const attributesAt = offset
  offset += attributes?.length ?? 0
  const sectionsAt = attributes ? offset : 0
  const section = attributes
    ? Buffer.concat([
        word(0),
        word(0x70000003),
        word(0),
        word(0),
        word(attributesAt),
        word(attributes.length),
        Buffer.alloc(16),
      ])
    : Buffer.alloc(0)
  const size = offset + section.length
  const segment = (kind: number, from: number, length: number, rights = 5) =>
    wide
      ? Buffer.concat([word(kind), word(rights), ...[from, from, from, length, length, 8].map(long)])
      : Buffer.concat([word(kind), ...[from, from, from, length, length].map(long), word(rights), long(8)])
  const table = Buffer.concat([
    segment(1, 0, size),
    ...placed.map((part) => segment(part.type, part.at, part.bytes.length)),
    ...(hasDynamic ? [segment(2, dynamicAt, dynamic.length)] : []),
    ...(data ? [segment(1, dataAt, data.length, 6)] : []),
  ])
  const header = Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, big ? 2 : 1, 1, osabi]),
    Buffer.alloc(8),
    half(type),
    half(machine),
    word(1),
    long(0),
    long(headerSize),
    long(sectionsAt),
    word(flags),
    half(headerSize),
    half(entrySize),
    half(count),
    half(40),
    half(attributes ? 1 : 0),
    half(0),
  ])
  const file = Buffer.alloc(size)
  header.copy(file)
  table.copy(file, headerSize)
  for (const part of placed) part.bytes.copy(file, part.at)
  strings.copy(file, stringsAt)
  if (hasDynamic) dynamic.copy(file, dynamicAt)
  data?.copy(file, dataAt)
  attributes?.copy(file, attributesAt)
  section.copy(file, sectionsAt || size)
  return file
}
