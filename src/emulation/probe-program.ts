import { type Architecture, elfMagic } from './architectures.ts'

/** The exit status of a probe program that really ran. */
export const PROBE_STATUS = 42

const LOAD_ADDRESS = 0x400000

/** `exit(42)` in machine code, one 32-bit word per instruction; each ends in a system call. */
const WORDS: Readonly<Record<string, { readonly words: readonly number[]; readonly flags?: number }>> = {
  arm64: { words: [0xd2800540, 0xd2800ba8, 0xd4000001] }, // mov x0, 42; mov x8, 93; svc 0
  arm: { words: [0xe3a0002a, 0xe3a07001, 0xef000000], flags: 0x05000000 }, // mov r0, 42; mov r7, 1; svc 0 (EABI 5)
  riscv64: { words: [0x02a00513, 0x05d00893, 0x00000073] }, // li a0, 42; li a7, 93; ecall
  ppc64le: { words: [0x3860002a, 0x38000001, 0x44000002], flags: 2 }, // li 3, 42; li 0, 1; sc (ELFv2)
  mips64le: { words: [0x2404002a, 0x240213c2, 0x0000000c], flags: 0x80000000 }, // li a0, 42; li v0, 5058; syscall (64r2)
  mips64: { words: [0x2404002a, 0x240213c2, 0x0000000c], flags: 0x80000000 },
  loong64: { words: [0x0280a804, 0x0281740b, 0x002b0000], flags: 0x43 }, // li a0, 42; li a7, 93; syscall 0 (LP64D)
}

/** The same for instructions of other lengths. */
const BYTES: Readonly<Record<string, readonly number[]>> = {
  amd64: [0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05], // mov edi, 42; mov eax, 60; syscall
  '386': [0xbb, 42, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0xcd, 0x80], // mov ebx, 42; mov eax, 1; int 0x80
  s390x: [0xa7, 0x29, 0x00, 42, 0x0a, 1], // lghi 2, 42; svc 1
}

/**
 * A static program of 96 to 240 bytes that exits with `PROBE_STATUS`: header, one segment that loads the whole file,
 * code; with a GNU build-id when one is given.
 */
export function probeProgram(architecture: Architecture, { id }: { readonly id?: Buffer } = {}): Buffer {
  const wide = architecture.bits === 64
  const { half, word, address } = writer(architecture)
  const code = codeOf(architecture, word)
  const note = id ? [word(4), word(id.length), word(3), Buffer.from('GNU\0'), id] : []
  const [header, segment] = wide ? [64, 56] : [52, 32]
  const count = id ? 2 : 1
  const start = header + segment * count
  const end = start + code.length
  const gap = id ? -end & 3 : 0
  const noted = Buffer.concat([Buffer.alloc(gap), ...note])
  const size = end + noted.length
  const fileSize = address(size)
  const load = { type: 1, offset: 0, size: fileSize, align: 0x10000 }
  const notes = { type: 4, offset: end + gap, size: address(noted.length - gap), align: 4 }
  const flags = word(5) // readable, executable
  const programHeader = ({ type, offset, size, align }: typeof load) => {
    const place = [address(offset), address(LOAD_ADDRESS + offset), address(LOAD_ADDRESS + offset), size, size]
    return wide ? [word(type), flags, ...place, address(align)] : [word(type), ...place, flags, address(align)]
  }
  return Buffer.concat([
    elfMagic(architecture),
    word(1),
    address(LOAD_ADDRESS + start),
    address(header),
    address(0),
    word(WORDS[architecture.name]?.flags ?? 0),
    ...[header, segment, count, 0, 0, 0].map(half),
    ...programHeader(load),
    ...(id ? programHeader(notes) : []),
    code,
    noted,
  ])
}

function codeOf(architecture: Architecture, word: (value: number) => Buffer): Buffer {
  const words = WORDS[architecture.name]?.words
  return words ? Buffer.concat(words.map(word)) : Buffer.from(BYTES[architecture.name] ?? [])
}

function writer({ bits, endian }: Architecture): Record<'half' | 'word' | 'address', (value: number) => Buffer> {
  const number = (length: number, value: number) => {
    const bytes = Buffer.alloc(length)
    if (endian === 'little') bytes.writeUIntLE(value, 0, Math.min(length, 6))
    else bytes.writeUIntBE(value, Math.max(0, length - 6), Math.min(length, 6))
    return bytes
  }
  return {
    half: (value) => number(2, value),
    word: (value) => number(4, value),
    address: (value) => number(bits / 8, value),
  }
}
