import type { BuildOptions, Output } from '../config/options.ts'
import { usageError } from '../config/values.ts'
import { formatDigest, formatResult } from '../ui/result.ts'
import { wantsColor } from '../ui/text.ts'
import { createUi } from '../ui/ui.ts'
import type { Terminal } from './run.ts'
import { withSignals } from './signals.ts'

/** `xbuild build`: progress and summary on stderr, the digest of the result on stdout. */
export async function runBuild(options: BuildOptions, terminal: Terminal): Promise<number> {
  const { stdout, stderr, env } = terminal
  refuseTerminal(options.outputs, stdout.isTTY)
  const ui = await createUi(options.progress, { stderr, isTTY: stderr.isTTY, env })
  const finished = withSignals(terminal, {
    onStop: () => ui.note('Stopping: cleaning up (once more to stop at once)'),
    work: async (signal) => {
      const { build } = await import('../build.ts')
      return build(options, { emit: ui.emit, signal, env, stdout })
    },
  })
  const result = await finished.finally(() => ui.finish())
  if (options.progress !== 'quiet' && options.progress !== 'rawjson') {
    stderr.write(formatResult(result, { color: wantsColor(stderr.isTTY, env) }))
  }
  stdout.write(formatDigest(result))
  return 0
}

// A tar on a screen helps nobody and may garble it
function refuseTerminal(outputs: readonly Output[], isTTY: boolean): void {
  if (isTTY && outputs.some((output) => 'dest' in output && output.dest === '-')) {
    throw usageError('Cannot write a tar to stdout: it is a terminal', 'Redirect stdout, or name a file with dest=')
  }
}
