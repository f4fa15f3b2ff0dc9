import type { SourcePosition } from '../../errors.ts'
import type { Escape } from '../lines.ts'
import { readFlags, shorten, type FlagKind, type FlagValues } from '../flags.ts'
import { parseJsonList } from '../split.ts'
import type { Command, Heredoc } from '../types.ts'

/** One instruction cut into its parts; `fail` and `warn` collect what is wrong with it. */
export interface Request {
  /** Upper case. */
  readonly name: string
  readonly at: SourcePosition
  readonly text: string
  /** What follows the flags, trimmed. */
  readonly rest: string
  readonly flags: readonly string[]
  readonly heredocs: readonly Heredoc[]
  readonly escape: Escape
  readonly fail: (rule: string, message: string, hint?: string) => void
  readonly warn: (rule: string, message: string, hint?: string) => void
}

/** The flags of a request by their table. */
export function flagsOf<S extends Readonly<Record<string, FlagKind>>>(request: Request, spec: S): FlagValues<S> {
  return readFlags(request.flags, spec, (message, hint) => request.fail('bad-flag', message, hint))
}

/** Says that an instruction has too few arguments or the wrong number of them. */
export function failArguments(request: Request, state: string, hint: string): undefined {
  request.fail('bad-arguments', `Cannot parse ${request.name}: ${state}`, hint)
  return undefined
}

/** A command: a JSON list is exec form, everything else is a line for the shell. */
export function commandOf(request: Request, text: string = request.rest): Command | undefined {
  const list = jsonListOf(request, text)
  if (list === 'mixed') return undefined
  if (list) return { form: 'exec', argv: list }
  return { form: 'shell', line: text, heredocs: request.heredocs }
}

/** A JSON list where the instruction may have one; says what is wrong with a list of other things. */
export function jsonListOf(request: Request, text: string = request.rest): readonly string[] | 'mixed' | undefined {
  const list = parseJsonList(text)
  if (list === 'mixed') {
    request.fail(
      'bad-json',
      `Cannot parse ${request.name} list "${shorten(text)}": it contains an item that is not a string`,
      'Put every item in double quotes',
    )
  } else if (list === undefined && /^\[\s*['"]/.test(text.slice(0, 20)) && text.endsWith(']')) {
    const hint = 'Use double quotes and commas, or remove the brackets'
    request.warn(
      'bad-json',
      `List "${shorten(text)}" of ${request.name} is not valid JSON: it is treated as plain text`,
      hint,
    )
  }
  return list
}
