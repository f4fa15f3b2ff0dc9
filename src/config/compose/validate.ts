import { suggest, suggestionHint } from '../../did-you-mean.ts'
import type { ComposeNode, Report } from './node.ts'
import type { Shape, ShapeType } from './shape.ts'

const WORDS: Readonly<Record<ShapeType, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  digits: 'a whole number',
  boolean: 'true or false',
  null: 'nothing',
  list: 'a list',
  map: 'keys and values',
}

/** How a value is checked. */
export interface Checking {
  readonly report: Report
  /** Another file may say the rest: nothing has to be there, and nothing may be said where something must be. */
  readonly isPart: boolean
}

/** Reports all that is not of a shape; `path` is how messages call the value. */
export function validate(node: ComposeNode, shape: Shape, path: string, checking: Checking): void {
  const { report, isPart } = checking
  if (node.tag === 'reset' || (isPart && node.kind === 'null')) return
  if (shape.type && !shape.type.some((type) => isOf(node, type))) {
    const wanted = shape.type.filter((type) => type !== 'null').map((type) => WORDS[type])
    const found = node.kind === 'scalar' ? `"${String(node.value)}"` : WORDS[node.kind]
    const isDate = node.kind === 'scalar' && node.isDate
    return report(
      node.at,
      `Cannot use ${path || 'the file'}: it is ${found}${isDate ? ', which is a date' : ''}, and it must be ${wanted.join(' or ')}`,
      isDate ? 'Put it in quotes' : undefined,
    )
  }
  if (node.kind === 'scalar' && shape.words && !shape.words.includes(String(node.value)))
    report(
      node.at,
      `Cannot use ${path}: it is "${String(node.value)}"`,
      suggestionHint(String(node.value), shape.words, `It can be ${shape.words.join(', ')}`),
    )
  const problem = node.kind === 'scalar' && !isPart ? textProblem(node.value, shape) : undefined
  if (node.kind === 'scalar' && problem !== undefined)
    report(node.at, `Cannot use ${path}: it is "${String(node.value)}", and ${problem}`)
  if (node.kind === 'list' && shape.items) {
    const { items } = shape
    node.items.forEach((item, index) => validate(item, items, `${path}[${index}]`, checking))
  }
  if (node.kind === 'list' && shape.distinct && !isPart) reportTwice(node.items, path, report)
  if (node.kind !== 'map') return
  const inner = (key: string) => (path === '' ? key : `${path}.${key}`)
  for (const [key, { at, value }] of node.entries) {
    const known = shape.keys && Object.hasOwn(shape.keys, key) ? shape.keys[key] : undefined
    if (known) validate(value, known, inner(key), checking)
    else if (key.startsWith('x-') && (shape.keys || shape.pattern)) continue
    else if (shape.pattern && !shape.pattern.test(key))
      report(at, `Cannot use ${inner(key)}: such a name is not allowed`, 'Use letters, digits, "_", "." and "-"')
    else if (shape.values) validate(value, shape.values, inner(key), checking)
    else if (shape.keys) {
      const near = suggest(key, Object.keys(shape.keys))
      const hint = near ? `Did you mean "${near}"?` : 'Keys of your own begin with "x-"'
      if (shape.passesOver) report(at, `${inner(key)} is ignored: compose has no such key`, hint, 'warning')
      else report(at, `Cannot use ${inner(key)}: compose has no such key`, hint)
    }
  }
  for (const key of isPart ? [] : (shape.required ?? []))
    if (!node.entries.has(key)) report(node.at, `Cannot use ${path}: the key "${key}" is missing`)
}

function textProblem(value: string | number | boolean, { problem, cast }: Shape): string | undefined {
  const found = typeof value === 'string' ? cast?.(value) : undefined
  return found ?? problem?.(String(value))
}

function reportTwice(items: readonly ComposeNode[], path: string, report: Report): void {
  const seen = new Set<unknown>()
  items.forEach((item, index) => {
    if (item.kind !== 'scalar') return
    if (seen.has(item.value))
      report(item.at, `Cannot use ${path}[${index}]: "${String(item.value)}" is there twice`, 'Remove one of the two')
    seen.add(item.value)
  })
}

function isOf(node: ComposeNode, type: ShapeType): boolean {
  if (node.kind !== 'scalar') return node.kind === type
  if (node.isDate) return false
  if (type === 'digits') return Number.isInteger(node.value) && node.text === undefined
  return type === 'integer' ? Number.isInteger(node.value) : typeof node.value === type
}
