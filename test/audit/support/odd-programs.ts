import { mergeLayers } from '../../../src/audit/image-tree.ts'
import { judge } from '../../../src/audit/judge.ts'
import type { ContainerConfig } from '../../../src/oci/manifest.ts'
import { parsePlatform } from '../../../src/platform.ts'
import { makeElf, type MadeElf } from './elf.ts'
import { scanLayer, type MadeFile } from './layer.ts'

/** Programs and libraries by what they are for. */
export const CPUS = {
  amd64: { machine: 62 },
  x32: { machine: 62, wide: false },
  i386: { machine: 3, wide: false },
  arm64: { machine: 183 },
  armv5: { machine: 40, wide: false, armArch: 4, flags: 0x5000200 },
  armv6: { machine: 40, wide: false, armArch: 7, flags: 0x5000400 },
  armv7: { machine: 40, wide: false, armArch: 10, flags: 0x5000400 },
  armv8: { machine: 40, wide: false, armArch: 19, flags: 0x5000400 },
  riscv64: { machine: 243, flags: 4 },
  riscv32: { machine: 243, wide: false },
  ppc64: { machine: 21, big: true, flags: 1 },
  ppc64le: { machine: 21, flags: 2 },
  ppc: { machine: 20, wide: false, big: true },
  s390x: { machine: 22, big: true },
  s390: { machine: 22, wide: false, big: true },
  mips: { machine: 8, wide: false, big: true },
  mipsle: { machine: 8, wide: false },
  mips64le: { machine: 8 },
  n32le: { machine: 8, wide: false, flags: 0x20 },
  loong64: { machine: 258, flags: 0x43 },
  sparc64: { machine: 43, big: true },
  bpf: { machine: 247 },
} satisfies Record<string, MadeElf>
export type Cpu = keyof typeof CPUS

export const program = (cpu: Cpu, more: Partial<MadeElf> = {}) => ({ bytes: makeElf({ ...CPUS[cpu], ...more }) })
export const library = (cpu: Cpu, more: Partial<MadeElf> = {}) => ({
  ...program(cpu, { type: 3, ...more }),
  mode: 0o644,
})
export const data = (cpu: Cpu, more: Partial<MadeElf> = {}) => ({ ...program(cpu, more), mode: 0o644 })
export const text = (bytes: string, mode = 0o755) => ({ bytes, mode })

/** A program of Windows with machine code: nothing but its headers. */
export function makePe(machine: number, subsystem = 3): Buffer {
  const pe = Buffer.alloc(64 + 24 + 240)
  pe.write('MZ')
  pe.writeUInt32LE(64, 60)
  pe.write('PE\0\0', 64)
  pe.writeUInt16LE(machine, 68)
  pe.writeUInt16LE(240, 84)
  pe.writeUInt16LE(0x20b, 88)
  pe.writeUInt16LE(subsystem, 88 + 68)
  return pe
}

/** A universal file of Apple for amd64 and arm64, in the form with short or with long offsets. */
export function makeFat(magic: number, entry: number): Buffer {
  const fat = Buffer.alloc(8 + 2 * entry)
  fat.writeUInt32BE(magic, 0)
  fat.writeUInt32BE(2, 4)
  fat.writeUInt32BE(0x01000007, 8)
  fat.writeUInt32BE(0x0100000c, 8 + entry)
  return fat
}

export type Case = readonly [
  what: string,
  platform: string,
  files: Readonly<Record<string, MadeFile>>,
  config?: ContainerConfig,
]

export function findings([, platform, files, config = {}]: Case): string[] {
  const tree = mergeLayers([scanLayer(files)])
  return judge({ platform: parsePlatform(platform), config, tree, isWhole: true }).findings.map(
    ({ path, problem, is, because }) => `${path}: ${problem} ${is} (${because ?? 'nothing'})`,
  )
}

export const run = (...argv: string[]): ContainerConfig => ({ Entrypoint: argv })
export const LD = '/lib64/ld-linux-x86-64.so.2'

/** The mark of an AppImage lies in the header, where ELF has nothing. */
export function appImage(): Buffer {
  const bytes = makeElf({ machine: 62 })
  bytes.write('AI\u0002', 8, 'latin1')
  return bytes
}
