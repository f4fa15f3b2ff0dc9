import { programFailure } from '../../emulation/program-failure.ts'
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
      const state = 'its program is for another platform and no emulator took it'
      return new XbuildError('EMULATOR', `Cannot run "${command}": ${state}`, {
        output,
        hint: 'The image holds programs of another platform than its own, or QEMU for them is missing',
        facts: { state },
      })
    }
    const missing = /exec: "?([^":]+)"?: .*(no such file|not found)/.exec(message)
    if (missing) {
      const state = `the image has no program "${missing[1]}"`
      return new XbuildError('RUN_FAILED', `Cannot run "${command}": ${state}`, {
        output,
        hint: 'Use a base image that has it, or the exec form with a program that is there',
        facts: { state },
      })
    }
    return new XbuildError('HOST', `Cannot run "${command}": ${message}`, {
      output: last,
      hint: 'The OCI runtime could not start the container: see its message, or try another with --oci-runtime',
    })
  }
  const advice = ' (xbuild doctor tells what is known of this one)'
  return programFailure(command, { status: status ?? 'nothing', output, emulated: params.emulated, advice })
}
