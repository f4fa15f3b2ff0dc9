import { XbuildError } from '../errors.ts'
import type { BuildOptions, Output } from './options.ts'

/** Options that contradict each other throw BAD_OPTION; everything else comes back as it was. */
export function checkOptions(options: BuildOptions): BuildOptions {
  const { outputs, push, tags, iidFile } = options
  if ((push || outputs.some((output) => output.type === 'registry')) && tags.length === 0) {
    throw new XbuildError('BAD_OPTION', 'Cannot push the image: it has no name', { hint: 'Add --tag REGISTRY/NAME:TAG' })
  }
  const dests = outputs.flatMap((output) => destOf(output) ?? [])
  const twice = dests.find((dest, i) => dests.indexOf(dest) !== i)
  if (twice !== undefined) {
    throw new XbuildError('BAD_OPTION', `Cannot write two outputs to "${twice}"`, { hint: 'Give each --output its own dest' })
  }
  if (iidFile !== undefined && outputs.length > 0 && !push && outputs.every((output) => output.type === 'local' || output.type === 'tar')) {
    throw new XbuildError('BAD_OPTION', `Cannot use --iidfile "${iidFile}" with a ${outputs[0]!.type} output: it makes no image`, {
      hint: 'Leave out --iidfile, or add -o type=oci,dest=FOLDER',
    })
  }
  return options
}

function destOf(output: Output): string | undefined {
  return 'dest' in output ? output.dest.replace(/(?<=.)\/+$/, '') : undefined
}
