import { XbuildError } from '../../errors.ts'
import type { RunParams } from '../protocol.ts'
import type { ContainerEnd } from './container.ts'

/**
 * Whom to blame for a command that did not end well: the command, the emulator, or the runtime that could not start
 * it.
 */
export function runFailure(
  params: Pick<RunParams, 'argv' | 'emulated'>,
  { status, output: last, fromRuntime }: ContainerEnd,
): XbuildError {
  const command = params.argv.join(' ').slice(0, 200)
  const output = last.filter((line) => !fromRuntime.some((message) => line.includes(message.slice(0, 80))))
  const message = fromRuntime.at(-1)
  if (message !== undefined) {
    if (message.includes('exec format error')) {
      return new XbuildError(
        'EMULATOR',
        `Cannot run "${command}": its program is for another platform and no emulator took it`,
        {
          output,
          hint: 'The image holds programs of another platform than it says, or QEMU for it is missing',
        },
      )
    }
    const missing = /exec: "?([^":]+)"?: .*(no such file|not found)/.exec(message)
    if (missing)
      return new XbuildError('RUN_FAILED', `Cannot run "${command}": the image has no program "${missing[1]}"`, {
        output,
        hint: 'Use a base image that has it, or the exec form with a program that is there',
      })
    return new XbuildError('HOST', `Cannot run "${command}": ${message}`, {
      output: last,
      hint: 'The OCI runtime could not start the container: see its message, or try another with --oci-runtime',
    })
  }
  const crash =
    params.emulated &&
    (last.some((line) => line.includes('qemu: uncaught target signal')) || status === 132 || status === 139)
  if (crash) {
    return new XbuildError(
      'EMULATOR',
      `Cannot run "${command}": the emulator or the emulated program crashed (exit code ${status})`,
      {
        output,
        hint: 'Try another QEMU version (xbuild doctor tells what is known of this one), or build this platform on a machine of its own',
      },
    )
  }
  return new XbuildError(
    'RUN_FAILED',
    `Cannot run "${command}": ${typeof status === 'number' ? `exit code ${status}` : `ended by ${status}`}`,
    { output },
  )
}
