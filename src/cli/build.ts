import type { CompleteOptions } from '../config/options.ts'
import { createUi } from '../ui/ui.ts'
import type { Calling } from './command.ts'
import { reportOne } from './report-results.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/** `xbuild build`: progress and summary on stderr, the digest of the result on stdout. */
export async function runBuild(options: CompleteOptions, terminal: Terminal, calling?: Calling): Promise<number> {
  const { stdout, stderr, env } = terminal
  const ui = await createUi(options.progress, { stderr, isTTY: stderr.isTTY, env })
  const finished = withSignals(terminal, {
    onStop: () => ui.note('Stopping: cleaning up (once more to stop at once)'),
    work: async (signal) => {
      const { build } = await import('../build.ts')
      return build(options, { emit: ui.emit, signal, env, stdout, stdin: () => terminal.stdin, ...calling })
    },
  })
  const result = await finished.finally(() => ui.finish())
  return reportOne(result, options, terminal)
}
