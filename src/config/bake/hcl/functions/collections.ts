import { spendItems } from '../budget.ts'
import { ConvertError, convert, unify } from '../convert.ts'
import { anyOf, FunctionError, intOf, type LibraryFunction, numOf, parameter, textOf, textsOf } from '../function.ts'
import { add, compare, isInt, type Num, ofInt, toBigInt } from '../number.ts'
import { ANY, listOf, NUMBER, STRING, sameType } from '../types.ts'
import {
  bool,
  entriesOf,
  int,
  isMapping,
  isSequence,
  itemsOf,
  list,
  map,
  number,
  object,
  sameValue,
  text,
  tuple,
  type Value,
} from '../value.ts'

const LIST = parameter('list', listOf(ANY))
const ANYTHING = { name: 'vals', type: ANY, nullable: true }

function ordered(value: Value): boolean {
  return value.type.kind === 'list' || value.type.kind === 'tuple'
}

function rebuilt(like: Value, items: readonly Value[]): Value {
  return like.type.kind === 'list' ? { type: like.type, data: items } : tuple(items)
}

function coalesce(given: readonly Value[]): Value {
  const type = unify(given.map((value) => value.type))
  if (!type) throw new FunctionError('all arguments must have the same type')
  const found = given.find(({ data }) => data !== null)
  if (!found) throw new FunctionError('no non-null arguments')
  return convert(found, type)
}

function coalesceList(given: readonly Value[]): Value {
  if (given.length === 0) throw new FunctionError('at least one argument is required')
  if (!given.every(ordered)) throw new FunctionError('coalescelist arguments must be lists or tuples')
  const found = given.find((value) => itemsOf(value).length > 0)
  if (!found) throw new FunctionError('no non-null arguments')
  return found
}

function concat(given: readonly Value[]): Value {
  if (given.length === 0) throw new FunctionError('at least one argument is required')
  if (!given.every(ordered)) throw new FunctionError('all arguments must be lists or tuples')
  const items = given.flatMap(itemsOf)
  const types = given.map(({ type }) => type)
  if (!types.every(({ kind }) => kind === 'list')) return tuple(items)
  const type = unify(types)
  if (type?.kind !== 'list') return tuple(items)
  return list(
    type.element,
    items.map((item) => convert(item, type.element)),
  )
}

function hasIndex(collection: Value, key: Value): boolean {
  if (collection.type.kind === 'map') return key.type.kind === 'string' && entriesOf(collection).has(textOf(key))
  if (!ordered(collection)) throw new FunctionError('collection must be a list, a map or a tuple')
  if (key.type.kind !== 'number') return false
  const at = numOf(key)
  return isInt(at) && compare(at, ofInt(0)) >= 0 && compare(at, ofInt(itemsOf(collection).length)) < 0
}

function at(collection: Value, key: Value): Value {
  if (collection.type.kind === 'map') {
    if (key.type.kind !== 'string') throw new FunctionError('key for map must be string')
  } else if (!ordered(collection)) throw new FunctionError('collection must be a list, a map or a tuple')
  else if (key.type.kind !== 'number') throw new FunctionError(`key for ${collection.type.kind} must be number`)
  if (!hasIndex(collection, key)) throw new FunctionError('invalid index')
  if (collection.type.kind === 'map') return entriesOf(collection).get(textOf(key))!
  return itemsOf(collection)[Number(toBigInt(numOf(key)))]!
}

function element(given: Value, index: number): Value {
  if (!ordered(given)) throw new FunctionError(`cannot read elements from ${given.type.kind}`)
  const items = itemsOf(given)
  if (items.length === 0) throw new FunctionError('cannot use element function with an empty list')
  return items[((index % items.length) + items.length) % items.length]!
}

function flatten(value: Value): readonly Value[] {
  return itemsOf(value).flatMap((item) => (isSequence(item) && item.data !== null ? flatten(item) : [item]))
}

function chunks(given: Value, size: number): Value {
  if (size < 0) throw new FunctionError('the size argument must be positive')
  const items = itemsOf(given)
  if (items.length === 0 || size === 0) return list(given.type, items.length === 0 ? [] : [given])
  const count = Math.ceil(items.length / size)
  return list(
    given.type,
    Array.from({ length: count }, (_, n) => ({ type: given.type, data: items.slice(n * size, (n + 1) * size) })),
  )
}

function keys(value: Value): Value {
  const names = [...entriesOf(value).keys()].map(text)
  if (value.type.kind === 'map') return list(STRING, names)
  if (value.type.kind === 'object') return tuple(names)
  throw new FunctionError('must have map or object type')
}

function values(value: Value): Value {
  const items = [...entriesOf(value).values()]
  if (value.type.kind === 'map') return list(value.type.element, items)
  if (value.type.kind === 'object') return tuple(items)
  throw new FunctionError('values() requires a map as the first argument')
}

function lookup(from: Value, key: string, otherwise: Value): Value {
  if (!isMapping(from)) throw new FunctionError('lookup() requires a map as the first argument')
  const found = entriesOf(from).get(key)
  if (from.type.kind !== 'map') return found ?? otherwise
  try {
    const converted = convert(otherwise, from.type.element)
    return found ?? converted
  } catch (error) {
    if (error instanceof ConvertError)
      throw new FunctionError('the default value must have the same type as the map elements')
    throw error
  }
}

function merge(given: readonly Value[]): Value {
  const full = given.filter(({ data, type }) => data !== null || type.kind !== 'any')
  if (!full.every(isMapping)) throw new FunctionError('arguments must be maps or objects')
  const entries = full.flatMap((value) => [...entriesOf(value)])
  const [first] = full
  if (first?.type.kind === 'map' && full.every(({ type }) => sameType(type, first.type)))
    return map(first.type.element, entries)
  return object(entries)
}

function range(given: readonly Value[], spend: (count: number) => void): Value {
  const [a, b, c] = given.map(numOf)
  if (!a || given.length > 3) throw new FunctionError('must have one, two, or three arguments')
  const [start, end] = b ? [a, b] : [ofInt(0), a]
  const up = compare(start, end) < 0
  if (compare(start, end) === 0) return list(NUMBER, [])
  const step: Num = c ?? ofInt(up ? 1 : -1)
  if (compare(step, ofInt(0)) === 0) throw new FunctionError('step must not be zero')
  if (up !== compare(step, ofInt(0)) > 0)
    throw new FunctionError(
      up ? 'end must be less than start when step is negative' : 'end must be greater than start when step is positive',
    )
  const items: Value[] = []
  for (let each = start; up ? compare(each, end) < 0 : compare(each, end) > 0; each = add(each, step)) {
    if (items.length >= 1024)
      throw new FunctionError(
        'more than 1024 values were generated; either decrease the difference between start and end or use a smaller step',
      )
    spend(1)
    items.push(number(each))
  }
  return list(NUMBER, items)
}

function slice(given: Value, start: number, end: number): Value {
  if (!ordered(given)) throw new FunctionError('must be a list or tuple value')
  const items = itemsOf(given)
  if (start < 0 || start > items.length) throw new FunctionError('start index must not be outside of the list')
  if (end < 0 || end > items.length)
    throw new FunctionError('end index must not be greater than the length of the list')
  if (start > end) throw new FunctionError('start index must not be greater than end index')
  return rebuilt(given, items.slice(start, end))
}

function indexOf(given: Value, wanted: Value): Value {
  if (!ordered(given)) throw new FunctionError('argument must be a list or tuple')
  if (itemsOf(given).length === 0) throw new FunctionError('cannot search an empty list')
  const found = itemsOf(given).findIndex((item) => sameValue(item, wanted))
  if (found < 0) throw new FunctionError('item not found')
  return int(found)
}

function zipmap(names: readonly string[], given: Value): Value {
  if (!ordered(given)) throw new FunctionError('values argument must be a list or tuple value')
  const items = itemsOf(given)
  if ((names as (string | null)[]).includes(null)) throw new FunctionError('a key is null')
  if (names.length !== items.length)
    throw new FunctionError(`number of keys (${names.length}) does not match number of values (${items.length})`)
  const entries = names.map((name, n) => [name, items[n]!] as const)
  return given.type.kind === 'list' ? map(given.type.element, entries) : object(entries)
}

function length(value: Value): number {
  if (value.type.kind === 'map') return entriesOf(value).size
  if (!isSequence(value)) throw new FunctionError('collection must be a list, a map or a tuple')
  return itemsOf(value).length
}

function distinct(given: Value): Value {
  const kept: Value[] = []
  for (const item of itemsOf(given)) if (!kept.some((each) => sameValue(each, item))) kept.push(item)
  return { type: given.type, data: kept }
}

/** Functions of lists, maps and objects. */
export const COLLECTION_FUNCTIONS: Readonly<Record<string, LibraryFunction>> = {
  chunklist: {
    parameters: [LIST, parameter('size', NUMBER)],
    run: ([given, size]) => chunks(given!, intOf(size, 'size')),
  },
  coalesce: { parameters: [], rest: ANYTHING, run: coalesce },
  coalescelist: { parameters: [], rest: ANYTHING, run: coalesceList },
  compact: {
    parameters: [parameter('list', listOf(STRING))],
    run: ([given]) =>
      list(
        STRING,
        itemsOf(given!).filter(({ data }) => data !== null && data !== ''),
      ),
  },
  concat: { parameters: [], rest: anyOf('seqs'), run: concat },
  contains: {
    parameters: [anyOf('list'), { name: 'value', type: ANY, nullable: false }],
    run: ([given, wanted]) => {
      if (!isSequence(given!)) throw new FunctionError('argument must be list, tuple, or set')
      return bool(itemsOf(given!).some((item) => sameValue(item, wanted!)))
    },
  },
  distinct: {
    parameters: [LIST],
    run: ([given], { budget }) => (spendItems(budget, itemsOf(given!).length), distinct(given!)),
  },
  element: {
    parameters: [anyOf('list'), parameter('index', NUMBER)],
    run: ([given, index]) => element(given!, intOf(index, 'index')),
  },
  flatten: {
    parameters: [anyOf('list')],
    run: ([given]) => {
      if (!isSequence(given!)) throw new FunctionError('can only flatten lists, sets and tuples')
      return tuple(flatten(given!))
    },
  },
  hasindex: { parameters: [anyOf('collection'), anyOf('key')], run: ([given, key]) => bool(hasIndex(given!, key!)) },
  index: { parameters: [anyOf('collection'), anyOf('key')], run: ([given, key]) => at(given!, key!) },
  indexof: { parameters: [anyOf('list'), anyOf('value')], run: ([given, wanted]) => indexOf(given!, wanted!) },
  keys: { parameters: [anyOf('inputMap')], run: ([given]) => keys(given!) },
  values: { parameters: [anyOf('mapping')], run: ([given]) => values(given!) },
  length: { parameters: [anyOf('collection')], run: ([given]) => int(length(given!)) },
  lookup: {
    parameters: [anyOf('inputMap'), parameter('key', STRING), anyOf('default')],
    run: ([given, key, otherwise]) => lookup(given!, textOf(key), otherwise!),
  },
  merge: { parameters: [], rest: { name: 'maps', type: ANY, nullable: true }, run: merge },
  range: {
    parameters: [],
    rest: parameter('params', NUMBER),
    run: (given, { budget }) => range(given, (count) => spendItems(budget, count)),
  },
  reverselist: {
    parameters: [anyOf('list')],
    run: ([given]) => {
      if (!isSequence(given!)) throw new FunctionError('can only reverse list or tuple values')
      const items = itemsOf(given!).toReversed()
      return given!.type.kind === 'set' ? list(given!.type.element, items) : rebuilt(given!, items)
    },
  },
  slice: {
    parameters: [anyOf('list'), parameter('start_index', NUMBER), parameter('end_index', NUMBER)],
    run: ([given, start, end]) => slice(given!, intOf(start, 'start_index'), intOf(end, 'end_index')),
  },
  zipmap: {
    parameters: [parameter('keys', listOf(STRING)), anyOf('values')],
    run: ([names, given]) => zipmap(textsOf(names), given!),
  },
}
