import { XbuildError } from '../errors.ts'
import type { Platform } from '../platform.ts'

/** How the ELF files of one GOARCH look, and which QEMU runs them. */
export interface Architecture {
  /** GOARCH, as in `Platform.architecture`. */
  readonly name: string
  /** Program name without `-static`. */
  readonly qemu: string
  readonly bits: 32 | 64
  readonly endian: 'little' | 'big'
  /** `e_machine` of the ELF header. */
  readonly machine: number
}

/** Every architecture that xbuild can emulate: data only, the rest follows from it. */
export const ARCHITECTURES: readonly Architecture[] = [
  { name: 'amd64', qemu: 'qemu-x86_64', bits: 64, endian: 'little', machine: 0x3e },
  { name: '386', qemu: 'qemu-i386', bits: 32, endian: 'little', machine: 0x03 },
  { name: 'arm64', qemu: 'qemu-aarch64', bits: 64, endian: 'little', machine: 0xb7 },
  { name: 'arm', qemu: 'qemu-arm', bits: 32, endian: 'little', machine: 0x28 },
  { name: 'riscv64', qemu: 'qemu-riscv64', bits: 64, endian: 'little', machine: 0xf3 },
  { name: 'ppc64le', qemu: 'qemu-ppc64le', bits: 64, endian: 'little', machine: 0x15 },
  { name: 's390x', qemu: 'qemu-s390x', bits: 64, endian: 'big', machine: 0x16 },
  { name: 'mips64le', qemu: 'qemu-mips64el', bits: 64, endian: 'little', machine: 0x08 },
  { name: 'mips64', qemu: 'qemu-mips64', bits: 64, endian: 'big', machine: 0x08 },
  { name: 'loong64', qemu: 'qemu-loongarch64', bits: 64, endian: 'little', machine: 0x102 },
]

/** The entry of a platform's architecture; undefined when no QEMU can run its programs. */
export function architectureOf(platform: Platform): Architecture | undefined {
  return platform.os === 'linux' ? ARCHITECTURES.find(({ name }) => name === platform.architecture) : undefined
}

/** The first 20 bytes of an executable of this architecture, `e_type` ET_EXEC. */
export function elfMagic(architecture: Architecture): Buffer {
  const magic = Buffer.alloc(20)
  magic.write('\x7fELF', 'latin1')
  magic[4] = architecture.bits === 64 ? 2 : 1
  magic[5] = architecture.endian === 'little' ? 1 : 2
  magic[6] = 1
  putHalf(magic, 16, 2, architecture.endian)
  putHalf(magic, 18, architecture.machine, architecture.endian)
  return magic
}

/**
 * Which bits of `elfMagic` a file must share: OS ABI and ABI version are free (hard-float mips and GNU extensions set
 * them), and so is the last bit of `e_type`, so that position-independent programs (3) match like fixed ones (2).
 */
export function elfMask(architecture: Architecture): Buffer {
  const mask = Buffer.alloc(20, 0xff)
  mask[7] = 0
  mask[8] = 0
  mask[architecture.endian === 'little' ? 16 : 17] = 0xfe
  return mask
}

function putHalf(buffer: Buffer, offset: number, value: number, endian: 'little' | 'big'): void {
  if (endian === 'little') buffer.writeUInt16LE(value, offset)
  else buffer.writeUInt16BE(value, offset)
}

/**
 * What every handler of ours is registered with:
 * P passes the caller's argv[0] on (busybox and gcc look at it); C takes the credentials of the emulated file,
 * without which sudo, su and
 * ping lose their setuid bit or capabilities (it implies O, the file as an open descriptor, so that unreadable files
 * run too);
 * F opens QEMU when registered, so that it works where the image has no QEMU. C gives QEMU the rights of the file,
 * which
 * is safe here: the handlers are seen only inside the namespace of one build. Those of a whole machine go without:
 * `machine/flags.ts`.
 */
const HANDLER_FLAGS = 'POCF'

/** The name of every handler of ours, by which it is told from those of others. */
export function handlerName({ name }: Architecture): string {
  return `xbuild-${name}`
}

/**
 * What to write to binfmt_misc's `register` (kernel admin-guide/binfmt-misc). Throws HOST for a path the kernel
 * cannot take.
 */
export function binfmtRegistration(
  architecture: Architecture,
  interpreter: string,
  flags: string = HANDLER_FLAGS,
): string {
  const delimiter = [':', '|', ',', '!'].find((mark) => !interpreter.includes(mark))
  if (
    !delimiter ||
    !interpreter.startsWith('/') ||
    interpreter.includes('\n') ||
    Buffer.byteLength(interpreter) > 127
  ) {
    throw new XbuildError(
      'HOST',
      `Cannot register the emulator "${interpreter}": the kernel takes absolute paths of at most 127 bytes`,
      {
        hint: 'Install it under a short path without special characters, such as /usr/bin',
      },
    )
  }
  const fields = [
    handlerName(architecture),
    'M',
    '',
    hex(elfMagic(architecture)),
    hex(elfMask(architecture)),
    interpreter,
    flags,
  ]
  return delimiter + fields.join(delimiter)
}

function hex(bytes: Buffer): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
}
