import { XbuildError } from '../errors.ts'
import { readCsv } from './csv.ts'

/** The variables that a runner starts an action with. */
export type Env = Readonly<Record<string, string | undefined>>

/** How a list is read. */
export interface ListRules {
  /** Only lines end an item: it may hold commas. */
  readonly ignoreComma?: boolean
  /** Quotes are text. */
  readonly quote?: false
  /** Spaces around an item are part of it. */
  readonly keepSpaces?: boolean
}

const BOOLS: Readonly<Record<string, boolean>> = {
  true: true,
  True: true,
  TRUE: true,
  false: false,
  False: false,
  FALSE: false,
}

/** The value of an input as the runner gives it; empty when it is not set. */
export function textInput(env: Env, name: string, rules: { readonly keepSpaces?: boolean } = {}): string {
  const text = env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`] ?? ''
  return rules.keepSpaces ? text : text.trim()
}

/** An input that YAML calls a boolean; not set is false. Throws BAD_OPTION. */
export function boolInput(env: Env, name: string): boolean {
  const text = textInput(env, name)
  if (text === '') return false
  const value = yamlBool(text)
  if (value === undefined)
    throw new XbuildError('BAD_OPTION', `Cannot read input "${name}": "${text}" is neither true nor false`)
  return value
}

/** `true` and `false` in the spellings of YAML 1.2; undefined for other texts. */
export function yamlBool(text: string): boolean | undefined {
  return Object.hasOwn(BOOLS, text) ? BOOLS[text] : undefined
}

/** An input that is a list: an item a line and, unless commas belong to items, an item between commas. */
export function listInput(env: Env, name: string, rules: ListRules = {}): string[] {
  return readList(textInput(env, name, rules), { ...rules, label: name })
}

/** The same for a text. Empty items are left out. */
export function readList(text: string, { label, ...rules }: ListRules & { readonly label: string }): string[] {
  if (text === '') return []
  const items = readCsv(text, { quote: rules.quote !== false, label }).flatMap((fields) => {
    if (rules.ignoreComma) return [fields.join(',')]
    return fields.length === 1 ? fields[0]!.split(',') : fields
  })
  return items.map((item) => (rules.keepSpaces ? item : item.trim())).filter((item) => item.trim() !== '')
}
