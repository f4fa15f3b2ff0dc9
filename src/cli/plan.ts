import type { CompleteOptions } from '../config/options.ts'
import type { BuildPlan } from '../plan/types.ts'
import type { BuildEdges } from '../session/types.ts'
import { formatPlan } from '../ui/plan.ts'
import { createUi } from '../ui/ui.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/** `xbuild plan`: what a build would do and why, as a table or as JSON on stdout. */
export async function runPlan(
  { options, json }: { readonly options: CompleteOptions; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  return showPlan(
    async (edges) => (await import('../session/plan-only.ts')).plan(options, { ...edges, stdin: () => terminal.stdin }),
    { progress: options.progress, json },
    terminal,
  )
}

/** Plans, and prints what comes out. */
export async function showPlan(
  make: (edges: Pick<BuildEdges, 'emit' | 'signal' | 'env' | 'stdout'>) => Promise<BuildPlan>,
  { progress, json }: { readonly progress: CompleteOptions['progress']; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const { stdout, stderr, env } = terminal
  const ui = await createUi(progress, { stderr, isTTY: stderr.isTTY, env })
  const planned = withSignals(terminal, {
    onStop: () => ui.note('Stopping'),
    work: (signal) => make({ emit: ui.emit, signal, env, stdout }),
  })
  const plan = await planned.finally(() => ui.finish())
  await print(stdout, json ? `${JSON.stringify(plan, null, 2)}\n` : formatPlan(plan))
  return 0
}
