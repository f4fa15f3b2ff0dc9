import { readBool } from '../values.ts'
import type { BakeVariable } from './fields.ts'
import type { Place } from './hcl/ast.ts'
import { ConvertError, convert } from './hcl/convert.ts'
import { HclError } from './hcl/error.ts'
import { FunctionError } from './hcl/function.ts'
import { csvFields } from './hcl/functions/csv.ts'
import { fromJsonText, toJsonText } from './hcl/functions/json-text.ts'
import { NumberError, ofDouble } from './hcl/number.ts'
import { isPrimitive, STRING, type Type, typeName } from './hcl/types.ts'
import {
  bool,
  entriesOf,
  isMapping,
  isSequence,
  itemsOf,
  list,
  map,
  nullOf,
  number,
  object,
  set,
  text,
  tuple,
  type Value,
} from './hcl/value.ts'

/** A value that the command line or the environment gives to a variable. */
export interface GivenValue {
  readonly text: string
  /** It comes from `NAME_JSON`. */
  readonly json: boolean
  /** What says it, for messages. */
  readonly from: string
}

/** The value that a variable has instead of its default. */
export function givenValue(
  { text: given, json, from }: GivenValue,
  type: Type | undefined,
  fallback: Value | undefined,
  at: Place,
): Value {
  try {
    if (type && json) return convert(withAttributes(fromJsonText(given), type), type)
    if (type && !isPrimitive(type) && type.kind !== 'any') return fromCsv(given, type)
    if (type && isPrimitive(type)) return primitive(given, type)
    if (type) throw new ConvertError(`a variable of ${typeName(type)} takes its value from ${from}_JSON`)
    if (!fallback || fallback.type.kind === 'any') return text(given)
    if (isPrimitive(fallback.type)) return primitive(given, fallback.type)
    throw new ConvertError(
      `its default is a ${fallback.type.kind}; such a variable needs a type to be set from outside`,
    )
  } catch (error) {
    if (error instanceof ConvertError || error instanceof FunctionError || error instanceof NumberError)
      throw new HclError(`the value of ${from} cannot be used: ${error.message}`, at)
    throw error
  }
}

// In JSON, attributes that are missing are null, and others are errors
function withAttributes(value: Value, type: Type): Value {
  if (value.data === null) return value
  if (type.kind === 'object' && isMapping(value)) {
    const given = entriesOf(value)
    const other = [...given.keys()].find((name) => !type.attributes.has(name))
    if (other !== undefined) throw new ConvertError(`there is no attribute "${other}"`)
    return object(
      [...type.attributes].map(([name, inner]) => {
        const item = given.get(name)
        return [name, item ? withAttributes(item, inner) : nullOf(inner)] as const
      }),
    )
  }
  if (type.kind === 'map' && isMapping(value))
    return object([...entriesOf(value)].map(([name, item]) => [name, withAttributes(item, type.element)] as const))
  if (!isSequence(value)) return value
  const innerOf = (at: number) =>
    'element' in type ? type.element : type.kind === 'tuple' ? type.elements[at] : undefined
  return tuple(itemsOf(value).map((item, at) => withAttributes(item, innerOf(at) ?? item.type)))
}

// As Go reads flags: more forms than HCL's own conversion has
function primitive(given: string, type: Type): Value {
  if (type.kind === 'string') return text(given)
  if (type.kind === 'bool') {
    const truth = readBool(given)
    if (truth === undefined) throw new ConvertError(`"${given}" is neither true nor false`)
    return bool(truth)
  }
  const digits = given.replaceAll(/(?<=\d)_(?=\d)/g, '')
  const found = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(digits) ? Number(digits) : Number.NaN
  if (!Number.isFinite(found)) throw new ConvertError(`"${given}" is not a number`)
  return number(ofDouble(found))
}

function fromCsv(given: string, type: Type): Value {
  const fields = csvFields(given)
  if (type.kind === 'tuple') {
    if (type.elements.length !== fields.length)
      throw new ConvertError(`${type.elements.length} elements are needed, ${fields.length} are given`)
    const items = fields.map((field, at) => element(field, type.elements[at]!))
    return { type: { kind: 'tuple', elements: items.map((item) => item.type) }, data: items }
  }
  if (type.kind === 'list' || type.kind === 'set') {
    const items = fields.map((field) => element(field, type.element))
    return type.kind === 'list' ? list(type.element, items) : set(type.element, items)
  }
  if (type.kind !== 'map')
    throw new ConvertError(`a ${typeName(type)} is not set by a list with commas; give it as JSON`)
  return map(
    type.element,
    fields.map((field) => pair(field, type.element)),
  )
}

function pair(field: string, type: Type): readonly [string, Value] {
  const parts = field.split(':')
  if (parts.length !== 2) throw new ConvertError(`"${field}" is not a pair with ":"`)
  return [parts[0]!, element(parts[1]!, type)]
}

function element(field: string, type: Type): Value {
  if (!isPrimitive(type)) throw new ConvertError(`elements of ${typeName(type)} cannot be given by a list with commas`)
  return primitive(field, type)
}

/** A variable as lists show it. */
export function shownVariable(name: string, description: string, type: Type | undefined, value: Value): BakeVariable {
  const shown = type ? typeName(type) : ''
  if (value.data === null) return { name, description, type: shown, value: null }
  if (!type && isPrimitive(value.type))
    return { name, description, type: shown, value: convert(value, STRING).data as string }
  const json = toJsonText(value)
  return { name, description, type: shown, value: type?.kind === 'string' ? json.replace(/^"+|"+$/g, '') : json }
}
