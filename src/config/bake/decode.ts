import { EntryError, entryOf, parseEntries } from './entries.ts'
import { type Entry, type EntryKind, type Field, type FieldShape, fieldRule, type Said } from './fields.ts'
import type { Place } from './hcl/ast.ts'
import { convert } from './hcl/convert.ts'
import { HclError } from './hcl/error.ts'
import { guarded } from './hcl/guarded.ts'
import { FunctionError } from './hcl/function.ts'
import { isInt, type Num, toText } from './hcl/number.ts'
import { BOOL, listOf, mapOf, NUMBER, STRING, type Type } from './hcl/types.ts'
import {
  bool,
  entriesOf,
  isMapping,
  itemsOf,
  list,
  map,
  nullOf,
  number,
  object,
  text,
  type Value,
} from './hcl/value.ts'

const SECRET: Type = objectType({ id: STRING, src: STRING, env: STRING })
const SSH: Type = objectType({ id: STRING, paths: listOf(STRING) })
const RESOURCES: Type = objectType({
  memory: STRING,
  'memory-swap': STRING,
  'cpu-shares': NUMBER,
  'cpu-period': NUMBER,
  'cpu-quota': NUMBER,
  'cpuset-cpus': STRING,
  'cpuset-mems': STRING,
})

function objectType(attributes: Readonly<Record<string, Type>>): Type {
  return { kind: 'object', attributes: new Map(Object.entries(attributes)), optional: new Set(Object.keys(attributes)) }
}

/** The value of an expression as an attribute of a target wants it; undefined for null, which says nothing. */
export function decodeField(shape: FieldShape, value: Value, at: Place): Field | undefined {
  if (value.data === null) return undefined
  return guarded(at, () => decode(shape, value, at))
}

function decode(shape: FieldShape, value: Value, at: Place): Field {
  switch (shape) {
    case 'text':
      return { kind: 'text', said: { value: convert(value, STRING).data as string, at } }
    case 'flag':
      return { kind: 'flag', said: { value: convert(value, BOOL).data as boolean, at } }
    case 'texts':
      return {
        kind: 'texts',
        items: itemsOf(convert(value, listOf(STRING))).map((item) => ({ value: notNull(item, at), at })),
      }
    case 'record': {
      const entries = [...entriesOf(convert(value, mapOf(STRING)))]
      return {
        kind: 'record',
        entries: new Map(entries.map(([key, item]) => [key, { value: item.data as string | null, at }])),
      }
    }
    case 'resources':
      return { kind: 'resources', said: { value: plainEntry(convert(value, RESOURCES), at), at } }
    default:
      return { kind: 'entries', items: decodeEntries(shape, value, at) }
  }
}

function notNull({ data }: Value, at: Place): string {
  if (data === null) throw new HclError('an element is null', at)
  return data as string
}

function decodeEntries(kind: EntryKind, value: Value, at: Place): Said<Entry>[] {
  if (value.type.kind !== 'list' && value.type.kind !== 'tuple')
    throw new HclError(`a list of texts or objects is required, but this is a ${value.type.kind}`, at)
  return itemsOf(value).flatMap((item) => decodeEntry(kind, item, at).map((entry) => ({ value: entry, at })))
}

function decodeEntry(kind: EntryKind, item: Value, at: Place): Entry[] {
  if (item.data === null) throw new HclError('an element is null', at)
  try {
    if (item.type.kind === 'string') return parseEntries(kind, item.data as string)
    if (kind === 'secret' || kind === 'ssh') return [plainEntry(convert(item, kind === 'secret' ? SECRET : SSH), at)]
    if (!isMapping(item)) throw new HclError(`a text or an object is required, but this is a ${item.type.kind}`, at)
    const pairs = [...entriesOf(convert(item, mapOf(STRING)))].flatMap(([key, each]) =>
      each.data === null ? [] : [[key, each.data as string] as const],
    )
    return [entryOf(kind, pairs)]
  } catch (error) {
    if (error instanceof EntryError || error instanceof FunctionError) throw new HclError(error.message, at)
    throw error
  }
}

function plainEntry(value: Value, at: Place): Entry {
  const entry: Record<string, string | number | readonly string[]> = {}
  for (const [key, { data, type }] of entriesOf(value)) {
    if (data === null || data === '') continue
    if (type.kind === 'number') entry[key] = whole(data as Num, at)
    else if (type.kind === 'list') {
      if (itemsOf({ data, type }).length > 0) entry[key] = itemsOf({ data, type }).map((item) => notNull(item, at))
    } else entry[key] = data as string
  }
  return entry
}

function whole(value: Num, at: Place): number {
  if (!isInt(value)) throw new HclError('a whole number is required', at)
  return Number(toText(value))
}

/** The value that other expressions see of an attribute. */
export function fieldValue(name: string, field: Field | undefined): Value {
  const shape = fieldRule(name)!.shape
  if (!field) return emptyValue(shape)
  switch (field.kind) {
    case 'text':
      return text(field.said.value)
    case 'flag':
      return bool(field.said.value)
    case 'texts':
      return list(
        STRING,
        field.items.map(({ value }) => text(value)),
      )
    case 'record':
      return map(
        STRING,
        [...field.entries].map(([key, { value }]) => [key, value === null ? nullOf(STRING) : text(value)] as const),
      )
    case 'resources':
      return convert(objectOf(field.said.value), RESOURCES)
    case 'entries':
      return list(
        elementType(shape),
        field.items.map(({ value }) => entryValue(shape, value)),
      )
  }
}

function emptyValue(shape: FieldShape): Value {
  switch (shape) {
    case 'text':
      return nullOf(STRING)
    case 'flag':
      return nullOf(BOOL)
    case 'texts':
      return nullOf(listOf(STRING))
    case 'record':
      return nullOf(mapOf(STRING))
    case 'resources':
      return nullOf(RESOURCES)
    default:
      return list(elementType(shape), [])
  }
}

function elementType(shape: FieldShape): Type {
  return shape === 'secret' ? SECRET : shape === 'ssh' ? SSH : mapOf(STRING)
}

function entryValue(shape: FieldShape, entry: Entry): Value {
  if (shape === 'ssh') return convert(objectOf({ id: '', paths: [], ...entry }), SSH)
  if (shape === 'secret') return convert(objectOf({ id: '', src: '', env: '', ...entry }), SECRET)
  const full = shape === 'output' ? { dest: '', ...entry } : entry
  return map(
    STRING,
    Object.entries(full).map(([key, value]) => [key, text(String(value))] as const),
  )
}

function objectOf(entry: Entry): Value {
  return object(
    Object.entries(entry).map(([key, value]) => {
      if (typeof value === 'number') return [key, number({ mantissa: BigInt(value), exponent: 0, bits: 64 })] as const
      return [key, Array.isArray(value) ? list(STRING, value.map(text)) : text(String(value))] as const
    }),
  )
}
