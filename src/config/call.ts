import { suggest } from '../did-you-mean.ts'
import { badValue, parseBool, parseCsv } from './values.ts'

const KINDS = ['build', 'check', 'outline', 'targets'] as const

/** What is done with the Dockerfile: it is built, looked over, or described. */
export interface Call {
  readonly kind: (typeof KINDS)[number]
  readonly format: 'text' | 'json'
  /** Exit with 0 even when there are warnings. */
  readonly ignoreStatus: boolean
}

/** Reads `KIND[,format=text|json][,ignorestatus=BOOL]`; `lint` is another name of `check`. Throws BAD_OPTION. */
export function parseCall(text: string, label: string): Call {
  const [first = '', ...fields] = parseCsv(text, label)
  const word = first.trim().toLowerCase()
  const kind = KINDS.find((known) => known === (word === 'lint' ? 'check' : word))
  if (!kind) {
    const near = suggest(word, KINDS)
    throw badValue(label, text, 'unknown method', near ? `Did you mean ${near}?` : `Use one of ${KINDS.join(', ')}`)
  }
  let call: Call = { kind, format: 'text', ignoreStatus: false }
  for (const field of fields) {
    const equals = field.indexOf('=')
    const key = (equals === -1 ? field : field.slice(0, equals)).trim().toLowerCase()
    const value = equals === -1 ? '' : field.slice(equals + 1).trim()
    if (key === 'format' && (value === 'text' || value === 'json')) call = { ...call, format: value }
    else if (key === 'ignorestatus') call = { ...call, ignoreStatus: parseBool(value === '' ? 'true' : value, label) }
    else throw badValue(label, text, `"${field}" is unknown`, 'Add format=json, format=text or ignorestatus=true')
  }
  return call
}
