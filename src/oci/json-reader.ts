import { XbuildError } from '../errors.ts'

/** No list or map of a real image comes near this; more is an attack on memory. */
const MAX_ITEMS = 10_000

/** A value in foreign JSON that knows where it stands: every reading is checked and says what it found where. */
export interface JsonField {
  /** A field of an object; throws when this is no object. */
  get(name: string): JsonField
  /** Absent fields and `null` (Go writes empty lists so) become undefined. */
  optional<T>(read: (field: JsonField) => T): T | undefined
  string(): string
  /** A whole number from 0 to 2^53 - 1. */
  size(): number
  boolean(): boolean
  /** The items of a list. */
  items(): readonly JsonField[]
  /** The fields of an object. */
  entries(): readonly (readonly [name: string, field: JsonField])[]
  /** Refuses the value: throws BAD_IMAGE with the place and what is wrong there. */
  fail(problem: string): never
}

/** Parses foreign JSON; `what` names it in errors, like `manifest "sha256:..."`. Throws BAD_IMAGE. */
export function readJson(bytes: Uint8Array, options: { what: string; maxBytes: number }): JsonField {
  const { what, maxBytes } = options
  if (bytes.byteLength > maxBytes) {
    throw new XbuildError(
      'BAD_IMAGE',
      `Cannot read ${what}: ${bytes.byteLength} bytes, more than the ${maxBytes} that are allowed`,
    )
  }
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new XbuildError('BAD_IMAGE', `Cannot read ${what}: it is not JSON`, { cause })
  }
  return fieldOf(value, '', what)
}

function fieldOf(value: unknown, path: string, what: string): JsonField {
  const fail = (problem: string): never => {
    throw new XbuildError('BAD_IMAGE', `Cannot read ${what}: ${path || 'it'} ${problem}`)
  }
  const expected = (kind: string): never => fail(value === undefined ? 'is missing' : `is not ${kind}`)
  const object = (): object =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? value : expected('an object')
  const limited = <T>(list: readonly T[]): readonly T[] =>
    list.length <= MAX_ITEMS ? list : fail(`has more than ${MAX_ITEMS} entries`)
  const self: JsonField = {
    get: (name) => {
      const owner = object()
      const inner = Object.hasOwn(owner, name) ? (owner as Record<string, unknown>)[name] : undefined
      return fieldOf(inner, path ? `${path}.${name}` : name, what)
    },
    optional: (read) => (value === undefined || value === null ? undefined : read(self)),
    string: () => (typeof value === 'string' ? value : expected('a string')),
    size: () =>
      Number.isSafeInteger(value) && (value as number) >= 0
        ? (value as number)
        : expected('a whole number of 0 or more'),
    boolean: () => (typeof value === 'boolean' ? value : expected('true or false')),
    items: () => {
      if (value === null) return [] // what Go writes for a list without entries
      if (!Array.isArray(value)) return expected('a list')
      return limited(value).map((item, index) => fieldOf(item, `${path}[${index}]`, what))
    },
    entries: () =>
      limited(Object.entries(object())).map(
        ([name, item]) => [name, fieldOf(item, `${path}.${name.slice(0, 80)}`, what)] as const,
      ),
    fail,
  }
  return self
}

/** A map from text to text. */
export function readStringMap(field: JsonField): Record<string, string> {
  return Object.fromEntries(field.entries().map(([name, item]) => [name, item.string()]))
}

/** A list of texts. */
export function readStrings(field: JsonField): string[] {
  return field.items().map((item) => item.string())
}
