/** How often an emulated step started a program, as the handler before QEMU told. */
export interface ProgramStarts {
  /** Path as it was started; of a long one the end. */
  readonly program: string
  /** Starts of its native twin. */
  readonly native: number
  /** Starts under QEMU. */
  readonly emulated: number
}

/** What the emulated steps of a platform started, most often emulated first. */
export interface PlatformStarts {
  readonly platform: string
  readonly native: number
  readonly emulated: number
  readonly programs: readonly ProgramStarts[]
}
