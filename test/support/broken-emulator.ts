import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ARCHITECTURES } from '../../src/emulation/architectures.ts'
import { PROBE_STATUS, probeProgram } from '../../src/emulation/probe-program.ts'
import { platformOfNodeArch } from '../../src/platform.ts'

/** How an emulator goes wrong with a program that it is given. */
export type Fault = 'crash' | 'hang'

/*
 * What all of them do: look at the first four characters of the first argument. `--ve` (version): exit 0; not `/bin`,
 * as for the program
 * that proves an emulator: exit as that does; else the fault.
 */
const CODE: Readonly<Record<string, (fault: Fault) => readonly number[]>> = {
  amd64: (fault) => [
    0x48,
    0x8b,
    0x74,
    0x24,
    0x10, // mov rsi, [rsp+16]
    0x8b,
    0x06, // mov eax, [rsi]
    0xbf,
    0,
    0,
    0,
    0, // mov edi, 0
    0x3d,
    ...ascii('--ve'), // cmp eax, '--ve'
    0x74,
    0x15, // je exit
    0xbf,
    PROBE_STATUS,
    0,
    0,
    0, // mov edi, 42
    0x3d,
    ...ascii('/bin'), // cmp eax, '/bin'
    0x75,
    0x09, // jne exit
    ...(fault === 'crash'
      ? [0x31, 0xc0, 0x88, 0x00, 0x90, 0x90, 0x90, 0x90, 0x90] // xor eax, eax; mov [rax], al: nothing is there
      : [0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7]), // mov eax, 34 (pause); syscall; jmp back
    0xb8,
    60,
    0,
    0,
    0,
    0x0f,
    0x05, // exit: mov eax, 60; syscall
  ],
  arm64: (fault) =>
    [
      0xf9400be1, // ldr x1, [sp, 16]
      0xb9400022, // ldr w2, [x1]
      0x5285a5a3,
      0x72acaec3, // mov w3, '--ve'
      0xd2800000, // mov x0, 0
      0x6b03005f, // cmp w2, w3
      0x54000140, // b.eq exit
      0x528c45e3,
      0x72adcd23, // mov w3, '/bin'
      0xd2800000 | (PROBE_STATUS << 5), // mov x0, 42
      0x6b03005f, // cmp w2, w3
      0x540000a1, // b.ne exit
      ...(fault === 'crash'
        ? [0xd2800004, 0xb9000084, 0xd503201f, 0xd503201f] // mov x4, 0; str w4, [x4]: nothing is there
        : [0xd503201f, 0xd503201f, 0xd503201f, 0x14000000]), // nop; b .
      0xd2800ba8,
      0xd4000001, // exit: mov x8, 93; svc 0
    ].flatMap((word) => [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24]),
}

function ascii(text: string): number[] {
  return [...Buffer.from(text, 'latin1')]
}

/**
 * A folder for PATH with an emulator of an architecture that answers like a good one, and then goes wrong with every
 * program of an image.
 */
export function brokenEmulator(folder: string, architecture: string, fault: Fault): string {
  const host = ARCHITECTURES.find(({ name }) => name === platformOfNodeArch(process.arch).architecture)!
  const good = probeProgram(host)
  const header = 64 + 56
  const program = Buffer.concat([good.subarray(0, header), Buffer.from(CODE[host.name]!(fault))])
  for (const at of [96, 104]) program.writeBigUInt64LE(BigInt(program.length), at) // sizes of the only segment
  const { qemu } = ARCHITECTURES.find(({ name }) => name === architecture)!
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${qemu}-static`), program)
  chmodSync(join(folder, `${qemu}-static`), 0o755)
  return folder
}
