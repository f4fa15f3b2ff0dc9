import type { CompleteOptions } from '../config/options.ts'
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
  const { stdout, stderr, env } = terminal
  const ui = await createUi(options.progress, { stderr, isTTY: stderr.isTTY, env })
  const planned = withSignals(terminal, {
    onStop: () => ui.note('Stopping'),
    work: async (signal) => {
      const { plan } = await import('../session/plan-only.ts')
      return plan(options, { emit: ui.emit, signal, env, stdout, stdin: () => terminal.stdin })
    },
  })
  const plan = await planned.finally(() => ui.finish())
  await print(stdout, json ? `${JSON.stringify(plan, null, 2)}\n` : formatPlan(plan))
  return 0
}
