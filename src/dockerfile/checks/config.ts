import { XbuildError, type SourcePosition } from '../../errors.ts'
import { shorten } from '../flags.ts'

/** Which checks run, and whether what they find is an error. */
export interface CheckConfig {
  readonly skip: Selection
  readonly experimental: Selection
  readonly error: boolean
}

/** Names of rules, or all of them. */
export type Selection = ReadonlySet<string> | 'all'

const NONE: Selection = new Set<string>()

/** Every stable rule, and warnings stay warnings. */
export const DEFAULT_CHECKS: CheckConfig = { skip: NONE, experimental: NONE, error: false }

/** Cuts what follows the first blank off a directive's options, as BuildKit does: `skip=RULE // reason`. */
export function cutReason(text: string): { options: string; rest: string } {
  const trimmed = text.trim()
  const blank = trimmed.indexOf(' ')
  return blank === -1
    ? { options: trimmed, rest: '' }
    : { options: trimmed.slice(0, blank), rest: trimmed.slice(blank + 1).trim() }
}

/** Reads `skip=RULE,RULE|all;error=BOOL;experimental=RULE,RULE|all`. Throws BAD_DOCKERFILE. */
export function parseCheckConfig(text: string, at?: SourcePosition): CheckConfig {
  let config = DEFAULT_CHECKS
  for (const option of text.split(';').map((part) => part.trim())) {
    if (option === '') continue
    const equals = option.indexOf('=')
    const key = equals === -1 ? option : option.slice(0, equals).trim()
    const value = equals === -1 ? '' : option.slice(equals + 1).trim()
    if (equals !== -1 && (key === 'skip' || key === 'experimental'))
      config = { ...config, [key]: parseSelection(value) }
    else if (equals !== -1 && key === 'error' && /^(true|false|1|0|t|f)$/i.test(value))
      config = { ...config, error: /^[1t]/i.test(value) }
    else {
      throw new XbuildError('BAD_DOCKERFILE', `Cannot use check option "${shorten(option)}": it is unknown`, {
        hint: 'Write it like skip=RULE,RULE;error=true or skip=all',
        at,
      })
    }
  }
  return config
}

function parseSelection(value: string): Selection {
  return value === 'all'
    ? 'all'
    : new Set(
        value
          .split(',')
          .map((name) => name.trim())
          .filter(Boolean),
      )
}

/** Whether a selection holds a rule. */
export function selects(selection: Selection, rule: string): boolean {
  return selection === 'all' || selection.has(rule)
}

/** Both selections together. */
export function union(a: Selection, b: Selection): Selection {
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b])
}
