import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Scalar } from 'yaml'
import { compact } from '../../compact.ts'
import type { SourcePosition } from '../../errors.ts'
import { parseYaml } from '../yaml-documents.ts'
import { floatText, type ComposeNode, type Report } from './node.ts'

const MAX_DEPTH = 64
/** As compose: an alias in an alias in an alias may stand for more than a machine can hold. */
const MAX_NODES = 100_000
const MAX_TEXT = 4_000_000

/** Reads the documents of a file, aliases and merge keys written out. */
export function readDocuments(text: string, file: string, report: Report): ComposeNode[] {
  const start = { file, line: 1, column: 1 }
  if (text.length > MAX_TEXT) {
    report(start, `Cannot read "${file}": it is larger than ${MAX_TEXT / 1e6} MB`)
    return []
  }
  const lines = new LineCounter()
  const place = (offset: number): SourcePosition => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(1, line), column: Math.max(1, col) }
  }
  const { documents, stopped } = parseYaml(text, lines)
  if (stopped) {
    report(place(stopped.offset), `Cannot read "${file}": ${stopped.state}`)
    return []
  }
  let anchors = new Map<string, Node>()
  let problems = 0
  let left = MAX_NODES
  const fail = (at: SourcePosition, state: string, hint?: string): void => {
    problems += 1
    if (problems <= 10) report(at, `Cannot read "${file}": ${state}`, hint)
  }
  for (const { errors } of documents)
    for (const { pos, message } of errors) fail(place(pos[0]), message.split('\n')[0]!.replace(/[.:]$/, ''))
  if (problems > 0) return []
  return documents.map((document) => {
    anchors = new Map()
    return read(document.contents as Node | null, { depth: 0, within: new Set() })
  })

  interface Place {
    readonly depth: number
    /** Anchors that are being written out. */
    readonly within: ReadonlySet<Node>
  }

  function read(node: Node | null | undefined, where: Place): ComposeNode {
    const at = place(node?.range?.[0] ?? 0)
    left -= 1
    if (left < 0) {
      if (left === -1) fail(at, `it stands for more than ${MAX_NODES} values`, 'Use fewer aliases')
      return { kind: 'null', at }
    }
    if (where.depth > MAX_DEPTH) {
      fail(at, 'nested too deeply')
      return { kind: 'null', at }
    }
    const inner = { ...where, depth: where.depth + 1 }
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (!target || where.within.has(target)) {
        fail(at, target ? `the alias "${node.source}" stands for itself` : `there is no anchor "${node.source}"`)
        return { kind: 'null', at }
      }
      return read(target, { ...inner, within: new Set([...where.within, target]) })
    }
    // What an alias stands for was seen where it is written
    if (node?.anchor && where.within.size === 0) anchors.set(node.anchor, node)
    const tag = tagOf(node)
    const common = { at, ...compact({ tag }) }
    if (isSeq(node)) return { kind: 'list', ...common, items: node.items.map((item) => read(item as Node, inner)) }
    if (isMap(node)) return { kind: 'map', ...common, entries: entriesOf(node, inner, at) }
    if (!isScalar(node) || node.value === null) return { kind: 'null', ...common }
    const isText = node.type !== 'PLAIN' || node.tag === 'tag:yaml.org,2002:str'
    const value = isText ? String(node.value) : plainValue(node.source ?? String(node.value))
    if (value === null) return { kind: 'null', ...common }
    const isFloat = typeof value === 'number' && /[.eE]/.test(node.source ?? '') && !/^[-+]?0x/i.test(node.source ?? '')
    const isDate = !isText && typeof value === 'string' && isTimestamp(value)
    return {
      kind: 'scalar',
      ...common,
      value,
      ...(isFloat ? { text: floatText(value) } : {}),
      ...compact({ isDate: isDate || undefined }),
    }
  }

  function entriesOf(node: Node & { items: unknown[] }, inner: Place, around: SourcePosition) {
    const entries = new Map<string, { at: SourcePosition; value: ComposeNode }>()
    const merged: ComposeNode[] = []
    const names = new Set<string>()
    for (const { key: written, value } of node.items as { key: Node; value: Node | null }[]) {
      const at = written.range ? place(written.range[0]) : around
      const key = isAlias(written) ? anchors.get(written.source) : written
      if (!isScalar(key) || !isName(key)) {
        fail(at, 'a key is not a string', isScalar(key) ? 'Put it in quotes' : undefined)
        continue
      }
      const name = key.source ?? String(key.value)
      if (names.has(name)) fail(at, 'Map keys must be unique')
      names.add(name)
      if (key.anchor && inner.within.size === 0) anchors.set(key.anchor, key)
      const content: ComposeNode = value ? read(value, inner) : { kind: 'null', at }
      if (name === '<<' && key.type === 'PLAIN') merged.push(...(content.kind === 'list' ? content.items : [content]))
      else entries.set(name, { at, value: content })
    }
    // Earlier ones win over later ones, and what is written here over all
    for (const other of merged) {
      if (other.kind !== 'map') fail(other.at, 'only keys and values can be merged with "<<"')
      else for (const [name, entry] of other.entries) if (!entries.has(name)) entries.set(name, entry)
    }
    return entries
  }

  function tagOf(node: Node | null | undefined): 'reset' | 'override' | undefined {
    const tag = (node as { tag?: string } | null | undefined)?.tag
    return tag === '!reset' ? 'reset' : tag === '!override' ? 'override' : undefined
  }
}

/** Whether a key is a string as the parser of compose reads it: a number, true, false and null are none. */
function isName({ type, source, value, tag }: Scalar): boolean {
  const word = source ?? String(value)
  if (type !== 'PLAIN' || tag === 'tag:yaml.org,2002:str') return true
  const read = plainValue(word)
  return typeof read === 'string' && (read === word || !/^[-+]?\.(?:inf|nan)$/i.test(word)) && !isTimestamp(word)
}

/** Whether a word without quotes is a date, as `2001-12-14` or `2001-12-14t21:59:43Z`. */
function isTimestamp(word: string): boolean {
  const [, year, month, day, hour = '0', minute = '0', second = '0'] =
    /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]| +)(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d*)?(?: ?(?:Z|[-+]\d\d:\d\d))?)?$/.exec(
      word,
    ) ?? []
  if (year === undefined) return false
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  const isDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
  return isDay && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60
}

/** What a word without quotes is, as the parser of compose reads it. */
function plainValue(word: string): string | number | boolean | null {
  if (/^(?:~|null|Null|NULL|)$/.test(word)) return null
  if (/^(?:true|True|TRUE)$/.test(word)) return true
  if (/^(?:false|False|FALSE)$/.test(word)) return false
  const side = /^([-+]?)\.(?:inf|Inf|INF)$/.exec(word)?.[1]
  if (side !== undefined) return `${side || '+'}Inf`
  if (/^\.(?:nan|NaN|NAN)$/.test(word)) return 'NaN'
  if (word.startsWith('_')) return word
  const digits = word.replaceAll('_', '')
  const [, sign, octal] = /^([-+]?)0o?([0-7]+)$/.exec(digits) ?? []
  if (octal !== undefined) return Number.parseInt(octal, 8) * (sign === '-' ? -1 : 1)
  if (/^[-+]?(?:0|[1-9]\d*)$/.test(digits)) return wholeNumber(digits, word)
  const [, minus, based] = /^([-+]?)(0x[0-9a-fA-F]+|0b[01]+)$/.exec(digits) ?? []
  if (based !== undefined) return Number(based) * (minus === '-' ? -1 : 1)
  if (/^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/.test(digits)) return Number(digits)
  return word
}

function wholeNumber(digits: string, word: string): number | string {
  const value = Number(digits)
  if (Number.isSafeInteger(value)) return value
  const exact = BigInt(digits.replace('+', ''))
  return exact < -(2n ** 63n) || exact >= 2n ** 64n ? floatText(value) : word
}
