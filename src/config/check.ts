import type { BuildOptions, Output } from './options.ts'
import { usageError } from './values.ts'

/** Options that contradict each other throw BAD_OPTION; everything else comes back as it was. */
export function checkOptions(options: BuildOptions): BuildOptions {
  const { outputs, push, tags, iidFile } = options
  if ((push || outputs.some((output) => output.type === 'registry')) && tags.length === 0) {
    throw usageError('Cannot push the image: it has no name', 'Add --tag REGISTRY/NAME:TAG')
  }
  const dests = outputs.flatMap((output) => destOf(output) ?? [])
  const twice = dests.find((dest, i) => dests.indexOf(dest) !== i)
  if (twice !== undefined) {
    throw usageError(`Cannot write two outputs to "${twice}": one would replace the other`, 'Give each --output its own dest')
  }
  if (iidFile !== undefined && outputs.length > 0 && !push && outputs.every((output) => output.type === 'local' || output.type === 'tar')) {
    throw usageError(
      `Cannot use --iidfile "${iidFile}" with a ${outputs[0]!.type} output: it makes no image`,
      'Leave out --iidfile, or add -o type=oci,dest=FOLDER',
    )
  }
  return options
}

function destOf(output: Output): string | undefined {
  return 'dest' in output ? output.dest.replace(/(?<=.)\/+$/, '') : undefined
}
