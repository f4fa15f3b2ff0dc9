import { suggestionHint } from '../did-you-mean.ts'

/** What a flag takes: one text, yes or no, or a text each time it is there. */
export type FlagKind = 'text' | 'bool' | 'list'

type FlagValue<K extends FlagKind> = K extends 'text'
  ? string | undefined
  : K extends 'bool'
    ? boolean | undefined
    : readonly string[]

/** The values of an instruction's flags, by name. */
export type FlagValues<S extends Readonly<Record<string, FlagKind>>> = { readonly [N in keyof S]: FlagValue<S[N]> }

/** Reads `--name[=value]` words by a table of what the instruction knows; `fail` gets every problem. */
export function readFlags<S extends Readonly<Record<string, FlagKind>>>(
  flags: readonly string[],
  spec: S,
  fail: (message: string, hint?: string) => void,
): FlagValues<S> {
  const values: Record<string, string | boolean | string[] | undefined> = {}
  for (const name in spec) values[name] = spec[name] === 'list' ? [] : undefined
  for (const flag of flags) {
    const equals = flag.indexOf('=')
    const name = flag.slice(2, equals === -1 ? undefined : equals)
    const value = equals === -1 ? undefined : flag.slice(equals + 1)
    const kind = Object.hasOwn(spec, name) ? spec[name] : undefined
    if (kind === undefined) {
      const known = Object.keys(spec).map((key) => `--${key}`)
      const list = known.length === 0 ? 'Remove it: this instruction has no flags' : `Use one of ${known.join(', ')}`
      fail(
        `Cannot use flag "--${shorten(name)}": this instruction does not have it`,
        suggestionHint(`--${name}`, known, list),
      )
    } else if (kind === 'bool') {
      if (values[name] !== undefined) fail(`Cannot use flag "--${name}": it is given twice`)
      else if (value === undefined || value.toLowerCase() === 'true') values[name] = true
      else if (value.toLowerCase() === 'false') values[name] = false
      else fail(`Cannot use value "${shorten(value)}" of flag "--${name}": it is neither true nor false`)
    } else if (value === undefined) {
      fail(`Cannot use flag "--${name}": it has no value`, `Write --${name}=VALUE`)
    } else if (kind === 'list') {
      ;(values[name] as string[]).push(value)
    } else if (values[name] !== undefined) {
      fail(`Cannot use flag "--${name}": it is given twice`)
    } else {
      values[name] = value
    }
  }
  return values as FlagValues<S>
}

/** A text for a message: never more than a line. */
export function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
