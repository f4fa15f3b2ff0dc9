/** How often an emulated step started a program, as the handler before QEMU told. */
export interface ProgramStarts {
  /** Path as it was started; of a long one the end. */
  readonly program: string
  /** Starts of its native twin. */
  readonly native: number
  /** Starts under QEMU. */
  readonly emulated: number
}

/** Where the CPU time of a step went. Seconds; all but the sum are estimated. */
export interface StepTimes {
  readonly seconds: number
  /** By file name, natively and under QEMU. */
  readonly programs: readonly { readonly name: string; readonly native: number; readonly emulated: number }[]
}

/** An emulated step that ran. */
export interface StepProfile extends StepTimes {
  readonly step: string
  readonly starts: readonly ProgramStarts[]
}

/** What the emulated steps of a platform started, most often emulated first. */
export interface PlatformStarts {
  readonly platform: string
  readonly native: number
  readonly emulated: number
  readonly programs: readonly ProgramStarts[]
  /** CPU seconds of the steps that ran, natively and under QEMU. Estimated. */
  readonly cpu?: { readonly native: number; readonly emulated: number }
  /** Of each step that ran, with `--accel=profile`. */
  readonly profile?: readonly StepProfile[]
}
