import type { Platform } from '../platform.ts'
import type { PlacedProgram } from './image-tree.ts'

/** What kernels, boot loaders, emulated machines and debuggers load, in folders from the root. */
const OF_SYSTEM =
  /^(?:boot|(?:usr\/)?lib\/(?:firmware|modules|debug|grub|syslinux|ipxe|u-boot)|usr\/share\/(?:qemu|syslinux))\//
/** What tests of tools for programs are made with, and roots of other machines that a compiler looks into. */
const OF_TOOLS = /(?:^|\/)(?:testdata|test-?files|_?fixtures|__fixtures__|sample-objects|sysroots?)\//
/** Debug information that was split off from a program: the rest of it is not in there. */
const DEBUG = /\.(?:debug|dbg)$/

/** A library may be started to tell its version, as glibc's; it is loaded without an x bit. */
export const SHARED_OBJECT: RegExp = /\.so(?:\.\d+)*$/

/**
 * Whether a program is data, as long as nothing starts it: it is for another system (launchers that pip brings,
 * assemblies of .NET), the kernel would not start it, or it lies where tools keep what they read.
 */
export function isData({ path, program, executable }: PlacedProgram, { os }: Platform): boolean {
  if (program?.os !== os) return true
  if (program.format !== 'pe' && program.kind === 'program' && !executable && !SHARED_OBJECT.test(path)) return true
  return OF_SYSTEM.test(path) || OF_TOOLS.test(path) || DEBUG.test(path)
}
