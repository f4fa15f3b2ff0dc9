import type { Architecture } from '../../emulation/architectures.ts'
import { elfMagic } from '../../emulation/architectures.ts'

/** Where the program is loaded: all of it can be read, written and run. */
const ADDRESS = 0x400000
const [HEADER, SEGMENT] = [64, 56]

/** Of bpf.h: what is loaded, where it is put, and that rules of others hold, too. */
const [DEVICE_PROGRAM, DEVICES, BESIDE_OTHERS] = [15, 6, 2]

/** The rule, in instructions of the kernel: 0 refuses, 1 allows. Each: code, registers, jump, number. */
const RULE = [
  [0xb7, 0x00, 0, 1], // r0 = 1
  [0x61, 0x12, 4, 0], // r2 = major
  [0x55, 0x02, 10, 5], // other than 5: end
  [0x61, 0x12, 8, 0], // r2 = minor
  [0x55, 0x02, 8, 1], // other than 1: end
  [0x61, 0x12, 0, 0], // r2 = access << 16 | type
  [0xbf, 0x23, 0, 0], // r3 = r2
  [0x57, 0x03, 0, 0xffff], // r3 &= 0xffff
  [0x55, 0x03, 4, 2], // no character device: end
  [0x77, 0x02, 0, 16], // r2 >>= 16
  [0x57, 0x02, 0, 6], // r2 &= read | write
  [0x15, 0x02, 1, 0], // it is only made: end
  [0xb7, 0x00, 0, 0], // r0 = 0
  [0x95, 0x00, 0, 0], // end
] as const

/**
 * Machine code: bpf(BPF_PROG_LOAD, load); bpf(BPF_PROG_ATTACH, attach), with what that gave; exit with the number of the error.
 * `load` follows it.
 */
const CODE: Readonly<Record<string, Buffer>> = {
  amd64: Buffer.from(
    [
      'bf05000000', // mov edi, 5
      '488d3534000000', // lea rsi, load
      'ba18000000', // mov edx, 24
      'b841010000 0f05', // mov eax, 321; syscall
      '488d3539000000', // lea rsi, attach
      '894604', // mov [rsi + 4], eax
      'bf08000000', // mov edi, 8
      'ba14000000', // mov edx, 20
      'b841010000 0f05', // mov eax, 321; syscall
      '89c7 f7df', // mov edi, eax; neg edi
      'b83c000000 0f05', // mov eax, 60; syscall
      '6690', // load begins at a multiple of eight
    ]
      .join('')
      .replaceAll(' ', ''),
    'hex',
  ),
  arm64: words(
    [0xd28000a0, 0x100001a1], // mov x0, 5; adr x1, load
    [0xd2800302, 0xd2802308, 0xd4000001], // mov x2, 24; mov x8, 280; svc 0
    [0x100001e1, 0xb9000420], // adr x1, attach; str w0, [x1, 4]
    [0xd2800100, 0xd2800282, 0xd2802308, 0xd4000001], // mov x0, 8; mov x2, 20; mov x8, 280; svc 0
    [0xcb0003e0, 0xd2800ba8, 0xd4000001], // neg x0, x0; mov x8, 93; svc 0
  ),
}

/**
 * A static program that puts a rule into the control group (of version 2) that is its standard input: the machine's console,
 * 5:1, cannot be opened. Nothing for CPUs whose instructions are not known here.
 */
export function consoleRule(architecture: Architecture): Buffer | undefined {
  const code = CODE[architecture.name]
  if (!code) return undefined
  const rule = Buffer.concat(
    RULE.map(([operation, registers, jump, value]) => instruction(operation, registers, jump, value)),
  )
  const start = HEADER + SEGMENT
  const load = start + code.length
  const attach = load + 24
  const rules = attach + 20
  const size = rules + rule.length + 1 // a text that ends at once: the license
  return Buffer.concat([
    elfMagic(architecture),
    words([1]),
    longs(ADDRESS + start, HEADER, 0),
    words([0, HEADER | (SEGMENT << 16), 1, 0]),
    words([1, 7]),
    longs(0, ADDRESS, ADDRESS, size, size, 0x10000),
    code,
    words([DEVICE_PROGRAM, RULE.length]),
    longs(ADDRESS + rules, ADDRESS + size - 1),
    words([0, 0, DEVICES, BESIDE_OTHERS, 0]),
    rule,
    Buffer.alloc(1),
  ])
}

function instruction(operation: number, registers: number, jump: number, value: number): Buffer {
  const bytes = Buffer.from([operation, registers, 0, 0, 0, 0, 0, 0])
  bytes.writeUInt16LE(jump, 2)
  bytes.writeUInt32LE(value, 4)
  return bytes
}

function words(...groups: readonly (readonly number[])[]): Buffer {
  return Buffer.from(Uint32Array.from(groups.flat()).buffer)
}

function longs(...values: readonly number[]): Buffer {
  return Buffer.from(BigUint64Array.from(values.map(BigInt)).buffer)
}
