import { compare, type Num, ofInt } from './number.ts'
import { ANY, BOOL, listOf, mapOf, NUMBER, STRING, sameType, setOf, type Type } from './types.ts'

/** What a value holds: null of any type, a primitive, the items of a list, set or tuple, or the keys of a map or object. */
export type Data = null | string | boolean | Num | readonly Value[] | ReadonlyMap<string, Value>

/** A value of HCL with its type. */
export interface Value {
  readonly type: Type
  readonly data: Data
}

/** The untyped null. */
export const NULL: Value = { type: ANY, data: null }
/** True. */
export const TRUE: Value = { type: BOOL, data: true }
/** False. */
export const FALSE: Value = { type: BOOL, data: false }

/** Null of a type. */
export function nullOf(type: Type): Value {
  return { type, data: null }
}

/** A text; HCL compares and counts texts in normal form C. */
export function text(data: string): Value {
  return { type: STRING, data: data.normalize('NFC') }
}

/** A number. */
export function number(data: Num): Value {
  return { type: NUMBER, data }
}

/** A whole number. */
export function int(value: number | bigint): Value {
  return { type: NUMBER, data: ofInt(value) }
}

/** True or false. */
export function bool(data: boolean): Value {
  return data ? TRUE : FALSE
}

/** A tuple: each item has its own type. */
export function tuple(items: readonly Value[]): Value {
  return { type: { kind: 'tuple', elements: items.map(({ type }) => type) }, data: items }
}

/** A list: all items are of one type. */
export function list(element: Type, items: readonly Value[]): Value {
  return { type: listOf(element), data: items }
}

/** A set: sorted, each item once. */
export function set(element: Type, items: readonly Value[]): Value {
  const sorted = items.toSorted(order)
  return {
    type: setOf(element),
    data: sorted.filter((item, at) => at === 0 || !sameValue(item, sorted[at - 1]!)),
  }
}

/** A map, its keys sorted. */
export function map(element: Type, entries: Iterable<readonly [string, Value]>): Value {
  return { type: mapOf(element), data: sortedMap(entries) }
}

/** An object, its attributes sorted. */
export function object(entries: Iterable<readonly [string, Value]>): Value {
  const data = sortedMap(entries)
  return { type: { kind: 'object', attributes: new Map([...data].map(([key, { type }]) => [key, type])) }, data }
}

function sortedMap(entries: Iterable<readonly [string, Value]>): Map<string, Value> {
  return new Map([...new Map(entries)].toSorted(([a], [b]) => compareText(a, b)))
}

/** The items of a list, set or tuple. */
export function itemsOf({ data }: Value): readonly Value[] {
  return Array.isArray(data) ? (data as readonly Value[]) : []
}

/** The entries of a map or an object. */
export function entriesOf({ data }: Value): ReadonlyMap<string, Value> {
  return data instanceof Map ? (data as ReadonlyMap<string, Value>) : new Map()
}

/** Whether a value is a list, a set or a tuple. */
export function isSequence({ type }: Value): boolean {
  return type.kind === 'list' || type.kind === 'set' || type.kind === 'tuple'
}

/** Whether a value is a map or an object. */
export function isMapping({ type }: Value): boolean {
  return type.kind === 'map' || type.kind === 'object'
}

/** Whether two values are the same, types included; two nulls are. */
export function sameValue(a: Value, b: Value): boolean {
  if (a.data === null || b.data === null) return a.data === b.data
  if (!sameType(a.type, b.type)) return false
  if (a.type.kind === 'number') return compare(a.data as Num, b.data as Num) === 0
  if (isSequence(a)) {
    const [left, right] = [itemsOf(a), itemsOf(b)]
    return left.length === right.length && left.every((item, at) => sameValue(item, right[at]!))
  }
  if (isMapping(a)) {
    const [left, right] = [entriesOf(a), entriesOf(b)]
    return (
      left.size === right.size && [...left].every(([key, item]) => right.has(key) && sameValue(item, right.get(key)!))
    )
  }
  return a.data === b.data
}

/** Texts by code points, as sorted UTF-8 is. */
function compareText(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  for (let at = 0; at < left.length && at < right.length; at++) {
    const difference = left[at]!.codePointAt(0)! - right[at]!.codePointAt(0)!
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

// Values of one type: false before true, numbers by size, texts by code points, the rest by their parts
function order(a: Value, b: Value): number {
  if (a.data === null || b.data === null) return (a.data === null ? 1 : 0) - (b.data === null ? 1 : 0)
  if (typeof a.data === 'string' && typeof b.data === 'string') return compareText(a.data, b.data)
  if (typeof a.data === 'boolean') return Number(a.data) - Number(b.data)
  if (a.type.kind === 'number') return compare(a.data as Num, b.data as Num)
  const [left, right] = [parts(a), parts(b)]
  for (let at = 0; at < left.length && at < right.length; at++) {
    const difference = order(left[at]!, right[at]!)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

function parts(value: Value): readonly Value[] {
  if (!isMapping(value)) return itemsOf(value)
  return [...entriesOf(value)].flatMap(([key, item]) => [text(key), item])
}
