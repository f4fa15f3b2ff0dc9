/** What is wrong with a program of an image. */
export type Problem =
  /** Its system or CPU is another one. */
  | 'machine'
  /** It needs a newer CPU than the platform promises. */
  | 'level'
  /** A library passes floating-point numbers in another way than the program that loads it. */
  | 'abi'
  /** The loader that it names is not in the image. */
  | 'loader'
  /** The interpreter of a script is not in the image. */
  | 'interpreter'

/** One program of an image that will not run on the platform of the image. */
export interface Finding {
  /** Absolute path in the image. */
  readonly path: string
  readonly problem: Problem
  /** What it is for, or the path that is missing. */
  readonly is: string
  /** Why it is started or loaded: `ENTRYPOINT`, `CMD`, `PATH`, `a library of /usr/bin/x`; absent: nothing shows that it is. */
  readonly because?: string
  /** Number of its layer, from 0 at the bottom. */
  readonly layer: number
}

/** What an audit of one platform's image came to. */
export interface AuditResult {
  readonly findings: readonly Finding[]
  /** Programs and libraries that were read. */
  readonly programs: number
}

/** Parts of glibc that say for what CPUs a whole distribution is built. */
const C_LIBRARY = /\/(?:libc(?:\.so\.6|-2\.\d+\.so)|ld-(?:linux-x86-64\.so\.2|2\.\d+\.so))$/

/** Whether a path is that of glibc or of its loader. */
export function isCLibrary(path: string): boolean {
  return C_LIBRARY.test(path)
}

/**
 * Whether something will certainly fail: what is started, or loaded by it, does not run. A C library that needs a
 * newer CPU is no accident: the makers of the distribution chose it (RHEL 9 is for amd64/v2).
 */
export function isFatal({ because, problem, path }: Finding): boolean {
  return because !== undefined && !(problem === 'level' && isCLibrary(path))
}
