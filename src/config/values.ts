import { suggest } from '../did-you-mean.ts'
import { XbuildError } from '../errors.ts'

/** The error for a command line or a setting that cannot be used. */
export function usageError(message: string, hint?: string): XbuildError {
  return new XbuildError('BAD_OPTION', message, hint ? { hint } : {})
}

/** The error for a value that a flag or a key of xbuild.yaml cannot take; `label` is `--jobs` or `jobs`. */
export function badValue(label: string, text: string, state: string, hint?: string): XbuildError {
  return usageError(`Cannot use ${label} "${text}": ${state}`, hint)
}

/** The error for a value whose `type=` is none of `types`. */
export function unknownType(type: string, types: readonly string[], text: string, label: string): XbuildError {
  const near = suggest(type, types)
  const hint = near ? `Did you mean type=${near}?` : `The types are ${types.join(', ')}`
  return badValue(label, text, `unknown type "${type}"`, hint)
}

/** Go's ParseBool, as docker reads its switches; undefined when the text is neither. */
export function readBool(text: string): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false
  return undefined
}

/** A switch; throws BAD_OPTION. */
export function parseBool(text: string, label: string): boolean {
  const value = readBool(text)
  if (value === undefined)
    throw badValue(label, text, 'neither true nor false', 'Write true or false, or nothing for true')
  return value
}

/** A whole number of at least `least`; throws BAD_OPTION. */
export function parseWhole(text: string, least: number, label: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least)) throw badValue(label, text, `not a whole number of at least ${least}`)
  return value
}

/** A text that must not be empty. */
export function parseText(text: string, label: string): string {
  if (text === '') throw badValue(label, text, 'empty')
  if (text.includes('\0')) throw badValue(label, text, 'holds a zero byte')
  return text
}

/** One line of comma-separated fields; a field in double quotes keeps its commas, `""` is a quote (RFC 4180). */
export function parseCsv(text: string, label: string): string[] {
  const fields: string[] = []
  let at = 0
  for (;;) {
    const [field, end] = text[at] === '"' ? quotedField(text, at, label) : plainField(text, at, label)
    fields.push(field)
    if (end >= text.length) return fields
    at = end + 1
  }
}

function plainField(text: string, from: number, label: string): [field: string, end: number] {
  const comma = text.indexOf(',', from)
  const end = comma === -1 ? text.length : comma
  const field = text.slice(from, end)
  if (field.includes('"')) {
    throw badValue(label, text, 'a double quote inside a field', 'Quote the whole field: "dest=a,b"')
  }
  return [field, end]
}

function quotedField(text: string, from: number, label: string): [field: string, end: number] {
  let field = ''
  let at = from + 1
  for (;;) {
    const quote = text.indexOf('"', at)
    if (quote === -1) throw badValue(label, text, 'a double quote is not closed')
    field += text.slice(at, quote)
    if (text[quote + 1] !== '"') {
      const end = quote + 1
      if (end < text.length && text[end] !== ',') throw badValue(label, text, 'text after a closing double quote')
      return [field, end]
    }
    field += '"'
    at = quote + 2
  }
}

/**
 * `key=value,key=value`; keys in lower case, each once; a field without `=` throws. Fields that are read elsewhere can
 * be left out.
 */
export function parseAttributes(
  text: string,
  label: string,
  isOther: (field: string) => boolean = () => false,
): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const field of parseCsv(text, label)) {
    if (isOther(field)) continue
    const equals = field.indexOf('=')
    if (equals < 1) throw badValue(label, text, `"${field}" is not key=value`)
    const key = field.slice(0, equals).trim().toLowerCase()
    if (attributes.has(key)) throw badValue(label, text, `"${key}" is there twice`)
    attributes.set(key, field.slice(equals + 1))
  }
  return attributes
}

/** `KEY=VALUE` or `KEY`; the value is undefined in the second form. */
export function splitPair(text: string, label: string): [key: string, value: string | undefined] {
  const equals = text.indexOf('=')
  const key = equals === -1 ? text : text.slice(0, equals)
  if (key.trim() === '') throw badValue(label, text, 'the name before "=" is missing', 'Write it like NAME=value')
  return [key, equals === -1 ? undefined : text.slice(equals + 1)]
}
