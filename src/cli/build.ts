import type { CompleteOptions } from '../config/options.ts'
import { formatDigest, formatResult } from '../ui/result.ts'
import { wantsColor } from '../ui/text.ts'
import { createUi } from '../ui/ui.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/** `xbuild build`: progress and summary on stderr, the digest of the result on stdout. */
export async function runBuild(options: CompleteOptions, terminal: Terminal): Promise<number> {
  const { stdout, stderr, env } = terminal
  const ui = await createUi(options.progress, { stderr, isTTY: stderr.isTTY, env })
  const finished = withSignals(terminal, {
    onStop: () => ui.note('Stopping: cleaning up (once more to stop at once)'),
    work: async (signal) => {
      const { build } = await import('../build.ts')
      return build(options, { emit: ui.emit, signal, env, stdout, stdin: () => terminal.stdin })
    },
  })
  const result = await finished.finally(() => ui.finish())
  if (options.progress !== 'quiet' && options.progress !== 'rawjson') {
    stderr.write(formatResult(result, { color: wantsColor(stderr.isTTY, env) }))
  }
  await print(stdout, formatDigest(result))
  return 0
}
