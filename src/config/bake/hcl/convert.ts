import { type Num, NumberError, parseNum, toText } from './number.ts'
import { ANY, hasAny, isPrimitive, listOf, mapOf, STRING, sameType, type Type, typeName } from './types.ts'
import {
  bool,
  entriesOf,
  isMapping,
  isSequence,
  itemsOf,
  list,
  map,
  number,
  nullOf,
  object,
  set,
  text,
  type Value,
} from './value.ts'

/** A value that cannot become another type; the evaluator adds the place. */
export class ConvertError extends Error {}

/** A value as another type, by HCL's rules. */
export function convert(value: Value, want: Type): Value {
  if (want.kind === 'any' || (sameType(value.type, want) && !hasAny(want) && !hasOptional(want))) return value
  if (value.data === null) {
    if (value.type.kind !== 'any') convertible(value.type, want)
    return nullOf(want)
  }
  if (isPrimitive(want)) return toPrimitive(value, want)
  // Nothing in it tells whether it could become the other: its type does
  if ('element' in value.type && 'element' in want && isEmpty(value)) convertible(value.type, want)
  switch (want.kind) {
    case 'list':
    case 'set':
      return toCollection(value, want.kind, want.element)
    case 'map':
      return toMap(value, want.element)
    case 'tuple':
      return toTuple(value, want)
    case 'object':
      return toObject(value, want)
    default:
      throw mismatch(value.type, want)
  }
}

function isEmpty(value: Value): boolean {
  return itemsOf(value).length === 0 && entriesOf(value).size === 0
}

function hasOptional(type: Type): boolean {
  if ('element' in type) return hasOptional(type.element)
  if (type.kind === 'tuple') return type.elements.some(hasOptional)
  if (type.kind !== 'object') return false
  return (type.optional?.size ?? 0) > 0 || [...type.attributes.values()].some(hasOptional)
}

function toPrimitive(value: Value, want: Type): Value {
  const { data, type } = value
  if (want.kind === 'string') {
    if (type.kind === 'number') return text(toText(data as Num))
    if (type.kind === 'bool') return text(data ? 'true' : 'false')
  }
  if (type.kind === 'string') {
    const given = data as string
    if (want.kind === 'number') {
      const parsed = numberOf(given)
      if (parsed === undefined) throw new ConvertError('a number is required')
      return number(parsed)
    }
    if (given === 'true' || given === '1') return bool(true)
    if (given === 'false' || given === '0') return bool(false)
    const written = given.toLowerCase()
    if (written === 'true' || written === 'false')
      throw new ConvertError(`a bool is required; to convert from string, use lowercase "${written}"`)
  }
  throw mismatch(type, want)
}

function numberOf(given: string): Num | undefined {
  try {
    return parseNum(given)
  } catch (error) {
    if (error instanceof NumberError) throw new ConvertError(error.message)
    throw error
  }
}

function toCollection(value: Value, kind: 'list' | 'set', element: Type): Value {
  if (!isSequence(value)) throw mismatch(value.type, { kind, element })
  const items = itemsOf(value)
  const wanted = element.kind === 'any' ? unifyAll(itemTypes(value), kind) : element
  const converted = items.map((item, at) => within(`element ${at}`, () => convert(item, wanted)))
  const found = converted[0] && hasAny(wanted) ? converted[0].type : wanted
  return kind === 'list' ? list(found, converted) : set(found, converted)
}

function toMap(value: Value, element: Type): Value {
  if (!isMapping(value)) throw mismatch(value.type, mapOf(element))
  const entries = [...entriesOf(value)]
  const types = value.type.kind === 'map' ? [value.type.element] : entries.map(([, item]) => item.type)
  const wanted = element.kind === 'any' ? unifyAll(types, 'map') : element
  const converted = entries.map(
    ([key, item]) => [key, within(`element "${key}"`, () => convert(item, wanted))] as const,
  )
  return map(converted[0] && hasAny(wanted) ? converted[0][1].type : wanted, converted)
}

function itemTypes(value: Value): readonly Type[] {
  return 'element' in value.type ? [value.type.element] : itemsOf(value).map(({ type }) => type)
}

function unifyAll(types: readonly Type[], kind: string): Type {
  if (types.length === 0) return ANY
  const unified = unify(types)
  if (!unified) throw new ConvertError(`all ${kind} elements must have the same type`)
  return unified
}

function toTuple(value: Value, want: Extract<Type, { kind: 'tuple' }>): Value {
  if (value.type.kind !== 'tuple') throw mismatch(value.type, want)
  const items = itemsOf(value)
  if (items.length !== want.elements.length)
    throw new ConvertError(`a tuple of ${want.elements.length} elements is required`)
  const data = items.map((item, at) => within(`element ${at}`, () => convert(item, want.elements[at]!)))
  return { type: { kind: 'tuple', elements: data.map(({ type }) => type) }, data }
}

function toObject(value: Value, want: Extract<Type, { kind: 'object' }>): Value {
  if (!isMapping(value)) throw mismatch(value.type, want)
  const given = entriesOf(value)
  const missing = [...want.attributes.keys()].filter((name) => !given.has(name) && !want.optional?.has(name))
  if (missing.length > 0)
    throw new ConvertError(
      missing.length === 1
        ? `attribute "${missing[0]}" is required`
        : `attributes ${missing.map((name) => `"${name}"`).join(', ')} are required`,
    )
  return object(
    [...want.attributes].map(([name, type]) => {
      const item = given.get(name)
      return [name, item ? within(`attribute "${name}"`, () => convert(item, type)) : nullOf(type)] as const
    }),
  )
}

function within<T>(where: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof ConvertError) throw new ConvertError(`${where}: ${error.message}`)
    throw error
  }
}

function mismatch(have: Type, want: Type): ConvertError {
  if (have.kind === 'any') return new ConvertError(`${article(typeName(want))} is required`)
  return new ConvertError(`${article(typeName(want))} is required, but this is ${article(typeName(have))}`)
}

function article(name: string): string {
  return `${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name}`
}

/** Throws when no value of a type can become another type. */
function convertible(have: Type, want: Type): void {
  if (!canConvert(have, want)) throw mismatch(have, want)
}

/** Whether values of a type can become another type, or some of them. */
function canConvert(have: Type, want: Type): boolean {
  if (have.kind === 'any' || want.kind === 'any' || sameType(have, want)) return true
  if (isPrimitive(have) && isPrimitive(want)) return have.kind === 'string' || want.kind === 'string'
  if (want.kind === 'list' || want.kind === 'set') {
    if (have.kind === 'list' || have.kind === 'set') return canConvert(have.element, want.element)
    return have.kind === 'tuple' && have.elements.every((type) => canConvert(type, want.element))
  }
  if (want.kind === 'map') {
    if (have.kind === 'map') return canConvert(have.element, want.element)
    return have.kind === 'object' && [...have.attributes.values()].every((type) => canConvert(type, want.element))
  }
  if (want.kind === 'tuple')
    return (
      have.kind === 'tuple' &&
      have.elements.length === want.elements.length &&
      have.elements.every((type, at) => canConvert(type, want.elements[at]!))
    )
  if (want.kind !== 'object' || (have.kind !== 'map' && have.kind !== 'object')) return false
  return [...want.attributes].every(([name, type]) => {
    const given = 'element' in have ? have.element : have.attributes.get(name)
    return given ? canConvert(given, type) : want.optional?.has(name)
  })
}

/** The one type that values of all these types can become, or undefined. */
export function unify(types: readonly Type[]): Type | undefined {
  const known = types.filter(({ kind }) => kind !== 'any')
  return unifyKnown(known) ?? (known.length < types.length ? ANY : undefined)
}

function unifyKnown(known: readonly Type[]): Type | undefined {
  const [first] = known
  if (!first) return ANY
  if (known.every((type) => sameType(type, first))) return first
  if (known.every(isPrimitive)) {
    if (known.some(({ kind }) => kind === 'string')) return STRING
    return undefined
  }
  if (known.every(({ kind }) => kind === 'tuple' || kind === 'list' || kind === 'set')) return unifySequences(known)
  if (known.every(({ kind }) => kind === 'object' || kind === 'map')) return unifyMappings(known)
  return undefined
}

function unifySequences(types: readonly Type[]): Type | undefined {
  const tuples = types.filter((type) => type.kind === 'tuple')
  const [first] = tuples
  const sets = types.filter((type) => type.kind === 'set')
  if (sets.length > 0 && sets.length < types.length)
    return [...types.filter((type) => type.kind === 'list'), ...sets].find((want) =>
      types.every((type) => canConvert(type, want)),
    )
  if (
    first &&
    tuples.length === types.length &&
    tuples.every(({ elements }) => elements.length === first.elements.length)
  ) {
    const elements = first.elements.map((_, at) => unify(tuples.map((type) => type.elements[at]!)))
    if (elements.every((type) => type !== undefined)) return { kind: 'tuple', elements }
  }
  const element = unify(
    types.flatMap((type) => (type.kind === 'tuple' ? type.elements : 'element' in type ? [type.element] : [])),
  )
  if (!element) return undefined
  return sets.length > 0 ? { kind: 'set', element } : listOf(element)
}

function unifyMappings(types: readonly Type[]): Type | undefined {
  const objects = types.filter((type) => type.kind === 'object')
  const [first] = objects
  if (
    first &&
    objects.length === types.length &&
    objects.every((type) => sameKeys(type.attributes, first.attributes))
  ) {
    const attributes = new Map<string, Type>()
    for (const name of first.attributes.keys()) {
      const type = unify(objects.map((each) => each.attributes.get(name)!))
      if (type) attributes.set(name, type)
    }
    if (attributes.size === first.attributes.size) return { kind: 'object', attributes }
  }
  const parts = types.flatMap((type) =>
    type.kind === 'object' ? [...type.attributes.values()] : 'element' in type ? [type.element] : [],
  )
  const element = unify(parts)
  return element && mapOf(element)
}

function sameKeys(a: ReadonlyMap<string, Type>, b: ReadonlyMap<string, Type>): boolean {
  return a.size === b.size && [...a.keys()].every((key) => b.has(key))
}

/** The text of a value that is one, or can be one. */
export function toStringValue(value: Value): Value {
  return convert(value, STRING)
}
