import type { CompleteOptions } from '../config/options.ts'
import { resolve } from 'node:path'
import { createUi } from '../ui/ui.ts'
import type { Calling } from './command.ts'
import { collectWarnings } from './metadata-warnings.ts'
import { reportOne } from './report-results.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/** `xbuild build`: progress and summary on stderr, the digest of the result on stdout. */
export async function runBuild(options: CompleteOptions, terminal: Terminal, calling?: Calling): Promise<number> {
  const { stdout, stderr, env } = terminal
  const ui = await createUi(options.progress, { stderr, isTTY: stderr.isTTY, env })
  const warnings = collectWarnings(terminal)
  const emit: typeof ui.emit = (event) => {
    warnings.take(event)
    ui.emit(event)
  }
  const finished = withSignals(terminal, {
    onStop: () => ui.note('Stopping: cleaning up (once more to stop at once)'),
    work: async (signal) => {
      const { build } = await import('../build.ts')
      return build(options, { emit, signal, env, stdout, stdin: () => terminal.stdin, ...calling })
    },
  })
  const result = await finished.finally(() => ui.finish())
  if (options.metadataFile !== undefined)
    await warnings.addTo(resolve(options.cwd, options.metadataFile), result.metadata)
  return reportOne(result, options, terminal)
}
