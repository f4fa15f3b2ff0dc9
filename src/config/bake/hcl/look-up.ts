import { suggestionHint } from '../../../did-you-mean.ts'
import type { Place } from './ast.ts'
import { convert, ConvertError } from './convert.ts'
import { HclError } from './error.ts'
import { isInt, type Num, toBigInt } from './number.ts'
import { NUMBER, STRING } from './types.ts'
import { entriesOf, isMapping, isSequence, itemsOf, type Value } from './value.ts'

/** `value.name`. */
export function attributeOf(value: Value, name: string, at: Place): Value {
  if (value.data === null) throw new HclError(`null has no attribute "${name}"`, at)
  if (!isMapping(value)) {
    const hint = isSequence(value) ? 'Use an index, or [*] for the attribute of each element' : undefined
    throw new HclError(`a ${value.type.kind} has no attributes`, at, hint)
  }
  const found = entriesOf(value).get(name)
  if (found) return found
  const what = value.type.kind === 'map' ? 'this map has no key' : 'this object has no attribute'
  throw new HclError(`${what} "${name}"`, at, suggestionHint(name, [...entriesOf(value).keys()]))
}

/** `value[key]`. */
export function indexOf(value: Value, key: Value, at: Place): Value {
  if (value.data === null) throw new HclError('null has no elements', at)
  if (key.data === null) throw new HclError('the index is null', at)
  if (isMapping(value)) return attributeOf(value, asKey(key, STRING, at) as string, at)
  if (value.type.kind === 'set' || !isSequence(value)) throw new HclError(`a ${value.type.kind} has no index`, at)
  const wanted = asKey(key, NUMBER, at) as Num
  const items = itemsOf(value)
  const found = isInt(wanted) ? items[Number(toBigInt(wanted))] : undefined
  if (found) return found
  throw new HclError(
    `there is no such element: ${items.length === 0 ? 'the list is empty' : `the last one is ${items.length - 1}`}`,
    at,
  )
}

function asKey(key: Value, type: typeof STRING, at: Place): unknown {
  try {
    return convert(key, type).data
  } catch (error) {
    if (error instanceof ConvertError) throw new HclError(`the index is wrong: ${error.message}`, at)
    throw error
  }
}
