/** What a program or library file is made for, read from its headers. */
export interface Program {
  readonly format: 'elf' | 'pe' | 'macho'
  /** GOOS. */
  readonly os: string
  /** GOARCH, or the name of a machine that has none, like `x32`; of a universal Mach-O file the first of several. */
  readonly architecture: string
  /** The least variant of the architecture that it runs on, where it says so: `v3` of amd64, `v7` of arm. */
  readonly variant?: string
  /** How it passes floating-point numbers, where programs of the architecture differ in that. */
  readonly abi?: string
  /** The other architectures of a universal Mach-O file. */
  readonly more?: readonly string[]
  /** A program is started, a library is loaded by one. */
  readonly kind: 'program' | 'library'
  /** Path of the loader that it names. */
  readonly loader?: string
  /** Names of libraries that it loads. */
  readonly needed?: readonly string[]
}

/** A place in a file: bytes. */
export interface Range {
  readonly offset: number
  readonly length: number
}

/** Bytes of a file, as far as they were kept. */
export interface FileBytes {
  /** Size of the whole file. */
  readonly size: number
  /** Exactly these bytes, or nothing when they were not kept or lie outside of the file. */
  at(offset: number, length: number): Buffer | undefined
  /** Where a text begins in these bytes, of which all were kept; nothing when it does not, or they were not. */
  find(text: Buffer, offset: number, length: number): number | undefined
}
