import { FunctionError } from '../function.ts'
import { type Num, parseNum, toText } from '../number.ts'
import {
  bool,
  entriesOf,
  isMapping,
  isSequence,
  itemsOf,
  NULL,
  number,
  object,
  text,
  tuple,
  type Value,
} from '../value.ts'

/** A value as JSON, in the form that Go writes: sorted keys, no spaces, `<`, `>` and `&` escaped. */
export function toJsonText(value: Value): string {
  if (value.data === null) return 'null'
  if (isMapping(value))
    return `{${[...entriesOf(value)].map(([key, item]) => `${goString(key)}:${toJsonText(item)}`).join(',')}}`
  if (isSequence(value)) return `[${itemsOf(value).map(toJsonText).join(',')}]`
  if (value.type.kind === 'number') return toText(value.data as Num)
  return typeof value.data === 'string' ? goString(value.data) : String(value.data)
}

/** A text of JSON as Go's encoder writes it. */
function goString(value: string): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029\u007f]/g, (char) =>
    char === '\u007f' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A value from JSON: objects and tuples, numbers with all their digits. */
export function fromJsonText(source: string): Value {
  try {
    JSON.parse(source)
  } catch {
    throw new FunctionError('this is not valid JSON')
  }
  // Numbers become marked texts first: a double would lose digits
  const mark = '\u0000number:'
  const marked = source.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (found) => {
    if (found.startsWith('"')) return found
    return JSON.stringify(mark + found)
  })
  return fromJson(JSON.parse(marked), mark, 0)
}

function fromJson(json: unknown, mark: string, depth: number): Value {
  if (depth > 200) throw new FunctionError('this JSON is nested too deep')
  if (json === null) return NULL
  if (typeof json === 'boolean') return bool(json)
  if (typeof json === 'string') {
    // Half of a surrogate pair is no character
    if (!json.startsWith(mark)) return text(json.replace(/\p{Surrogate}/gu, '\ufffd'))
    const found = parseNum(json.slice(mark.length))
    if (!found) throw new FunctionError('this JSON has a number that cannot be read')
    return number(found)
  }
  if (Array.isArray(json)) return tuple(json.map((item) => fromJson(item, mark, depth + 1)))
  return object(Object.entries(json as object).map(([key, item]) => [key, fromJson(item, mark, depth + 1)] as const))
}
