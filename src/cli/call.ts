import { resolve } from 'node:path'
import type { Call } from '../config/call.ts'
import type { CompleteOptions } from '../config/options.ts'
import { isOfBuildKit } from '../dockerfile/checks/rules.ts'
import type { Answer } from '../session/inspect.ts'
import * as ui from '../ui/call.ts'
import { wantsColor } from '../ui/text.ts'
import { createUi } from '../ui/ui.ts'
import { print } from './print.ts'
import { readSource } from './read-source.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/** A question about a Dockerfile. */
export interface Question {
  readonly options: CompleteOptions
  readonly call: Call & { readonly kind: Answer['kind'] }
}

/** `xbuild build --check` and `--call`: the answer on stdout; exit code 1 when a check found what BuildKit's would. */
export async function runCall(question: Question, terminal: Terminal): Promise<number> {
  const { text, code } = await answerCall(question, terminal)
  await print(terminal.stdout, text)
  return code
}

/** The answer in the form that was asked for, and the exit code. */
export async function answerCall(
  { options, call }: Question,
  terminal: Terminal,
): Promise<{ readonly text: string; readonly code: number }> {
  const { stdout, stderr, env } = terminal
  const progress = await createUi(options.progress === 'auto' ? 'plain' : options.progress, {
    stderr,
    isTTY: stderr.isTTY,
    env,
  })
  const answered = withSignals(terminal, {
    onStop: () => progress.note('Stopping'),
    work: async (signal) => {
      const { ask } = await import('../session/ask.ts')
      return ask(call.kind, options, { emit: progress.emit, signal, env, stdout, stdin: () => terminal.stdin })
    },
  })
  const answer = await answered.finally(() => progress.finish())
  const text = call.format === 'json' ? toJson(answer) : toText(answer, terminal)
  const isBad =
    answer.kind === 'check' &&
    !call.ignoreStatus &&
    answer.found.some(({ severity, rule }) => severity === 'error' || isOfBuildKit(rule))
  return { text, code: isBad ? 1 : 0 }
}

function toText(answer: Answer, { stdout, env, cwd }: Terminal): string {
  if (answer.kind === 'targets') return ui.formatTargets(answer.targets)
  if (answer.kind === 'outline') return ui.formatOutline(answer.outline)
  const readFile = (path: string) => (path === answer.file ? answer.text : readSource(resolve(cwd(), path)))
  return ui.formatCheck(answer.found, answer.file, { color: wantsColor(stdout.isTTY, env), readFile })
}

function toJson(answer: Answer): string {
  if (answer.kind === 'targets') return ui.targetsToJson(answer.targets, answer)
  return answer.kind === 'outline' ? ui.outlineToJson(answer.outline, answer) : ui.checkToJson(answer.found, answer)
}
