import { XbuildError, type ErrorDetails } from '../errors.ts'

/** How a command of a step ended. */
export interface ProgramEnd {
  /** Its exit code, or the name of the signal that ended it. */
  readonly status: number | string
  readonly output: readonly string[]
  /** It is a program of another CPU, which QEMU ran. */
  readonly emulated: boolean
  /** More for people, such as what is known of QEMU here. */
  readonly advice?: string
}

/** Exit codes of a shell whose program died of SIGILL or SIGSEGV: how a broken translation ends. */
const CRASHES: readonly (number | string)[] = [132, 139]

/**
 * The error of a command that failed: a crash under QEMU is EMULATOR, as the emulator is to blame until shown
 * otherwise; everything else is RUN_FAILED.
 */
export function programFailure(
  command: string,
  { status, output, emulated, advice = '' }: ProgramEnd,
  details: Omit<ErrorDetails, 'output' | 'facts' | 'hint'> = {},
): XbuildError {
  const failure = (code: 'EMULATOR' | 'RUN_FAILED', state: string, hint?: string) =>
    new XbuildError(code, `Cannot run "${command}": ${state}`, {
      ...details,
      output,
      hint,
      facts: { state, ...(typeof status === 'number' ? { exitCode: status } : {}) },
    })
  const crashed =
    emulated && (CRASHES.includes(status) || output.some((line) => line.includes('qemu: uncaught target signal')))
  if (crashed) {
    const state = `the emulator or the emulated program crashed (exit code ${status})`
    const hint = `Try another QEMU version${advice}, or build this platform on a machine of its own`
    return failure('EMULATOR', state, hint)
  }
  return failure('RUN_FAILED', typeof status === 'number' ? `exit code ${status}` : `ended by ${status}`)
}
