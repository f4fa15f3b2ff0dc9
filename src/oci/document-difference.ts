import { shownName } from './tar-decode.ts'

/** A field of two JSON documents that differs. */
export interface FieldDifference {
  /** Like `config.Env[1]`. */
  readonly field: string
  readonly text: string
  /** It is a time that the builder wrote. */
  readonly isTime: boolean
}

/** As many fields as a reader looks at, and as many that are collected before that is known. */
const MOST_FIELDS = 10
const MOST_DEEP = 20

/**
 * What differs between two image configurations, or two manifests, field by field; `except` are fields that follow from
 * others. Times of the history count once.
 */
export function compareDocuments(first: unknown, second: unknown, except: readonly string[]): FieldDifference[] {
  const found: FieldDifference[] = []
  let times = 0
  compare('', first, second, 0)
  if (times > 1) found[found.findIndex(isHistoryTime)] = withMore(found.find(isHistoryTime)!, times - 1)
  return found

  function compare(field: string, a: unknown, b: unknown, depth: number): void {
    if (Object.is(a, b) || except.includes(field)) return
    if (depth < MOST_DEEP && isTree(a) && isTree(b) && Array.isArray(a) === Array.isArray(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        const inner = Array.isArray(a) ? `${field}[${key}]` : field === '' ? key : `${field}.${key}`
        compare(inner, valueOf(a, key), valueOf(b, key), depth + 1)
      }
      return
    }
    const isTime = /^created$|^history\[\d+\]\.created$/.test(field)
    const one = { field, isTime, text: `${shownName(field)}: ${shown(a)} and ${shown(b)}` }
    if (isHistoryTime(one) && ++times > 1) return
    if (found.length < MOST_FIELDS) found.push(one)
  }
}

function isHistoryTime({ field }: Pick<FieldDifference, 'field'>): boolean {
  return /^history\[\d+\]\.created$/.test(field)
}

function withMore(one: FieldDifference, more: number): FieldDifference {
  return { ...one, text: `${one.text}, and ${more} more of the history` }
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function valueOf(tree: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(tree, key) ? tree[key] : undefined
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : shownName(JSON.stringify(value))
}
