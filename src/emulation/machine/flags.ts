import { versionAtLeast } from './version.ts'

/** What the letters of a handler mean (kernel admin-guide/binfmt-misc). */
const MEANINGS: Readonly<Record<string, string>> = {
  P: 'passes the name on that a program was called by (argv[0])',
  O: 'runs programs that cannot be read, only executed',
  C: 'a set-user-id program of that CPU runs QEMU with the rights of its owner: sudo and su work, and so do attacks on QEMU',
  F: 'works in containers and other root folders: QEMU was opened when it was registered',
}

/**
 * The letters of a handler and what they mean, in the order of the kernel; letters of newer kernels are said to be
 * unknown.
 */
export function flagMeanings(flags: string): { readonly letter: string; readonly meaning: string }[] {
  return [...new Set(flags)].map((letter) => ({ letter, meaning: MEANINGS[letter] ?? 'not known to this xbuild' }))
}

export interface FlagFacts {
  /** As `uname -r` prints it. */
  readonly kernel: string
  /** Of QEMU; undefined when it does not say. */
  readonly version: string | undefined
  /** Whether set-user-id programs shall keep their rights. */
  readonly credentials: boolean
}

/**
 * The flags of a handler for the whole machine. F always, else it would fail in every image. P only where the kernel
 * tells QEMU that it did so (5.12) and QEMU asks (5.2): others would take the name for the first argument. C only when
 * asked for: with it, whoever can bring a foreign set-user-id program onto the machine attacks a QEMU that runs as
 * root, and QEMU was not written for that (Debian removed the flag in qemu 1:7.2+dfsg-7+deb12u15).
 */
export function machineFlags({ kernel, version, credentials }: FlagFacts): string {
  const preserves = versionAtLeast(kernel, '5.12') && version !== undefined && versionAtLeast(version, '5.2')
  return `${preserves ? 'P' : ''}O${credentials ? 'C' : ''}F`
}
