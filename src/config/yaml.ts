import { isAlias, isMap, isScalar, isSeq, LineCounter } from 'yaml'
import type { Diagnostic, SourcePosition } from '../errors.ts'
import { parseYaml } from './yaml-documents.ts'

/** A YAML value that knows its place; scalars are texts as they were written. */
export type YamlValue =
  | { readonly kind: 'nothing'; readonly at: SourcePosition }
  | { readonly kind: 'text'; readonly text: string; readonly at: SourcePosition }
  | { readonly kind: 'list'; readonly items: readonly YamlValue[]; readonly at: SourcePosition }
  | { readonly kind: 'map'; readonly entries: readonly YamlEntry[]; readonly at: SourcePosition }

export interface YamlEntry {
  readonly key: string
  readonly value: YamlValue
  readonly at: SourcePosition
}

const MAX_DEPTH = 16

/** Reads one YAML document; what cannot be read is in `problems`. */
export function readYaml(
  text: string,
  file: string,
): { readonly value: YamlValue; readonly problems: readonly Diagnostic[] } {
  const lines = new LineCounter()
  const { documents, stopped } = parseYaml(text, lines, { isOne: true })
  const problems: Diagnostic[] = []
  const [document, second] = documents
  if (stopped || !document) {
    const at = placeOf(stopped?.offset ?? 0)
    report(at, stopped?.state ?? 'it has no document')
    return { value: { kind: 'nothing', at }, problems }
  }
  if (second) report(placeOf(second.range[0]), 'it has more than one document')
  for (const { pos, message } of [...document.errors, ...document.warnings]) {
    report(placeOf(pos[0]), message.split('\n')[0]!.replace(/[.:]$/, ''))
  }
  return { value: read(document.contents, 0), problems }

  function read(node: unknown, depth: number): YamlValue {
    const at = placeOf((node as { range?: readonly number[] } | null)?.range?.[0] ?? 0)
    if (depth > MAX_DEPTH) report(at, 'nested too deeply')
    else if (isAlias(node)) report(at, 'aliases are not supported', 'Write the value out')
    else if (isSeq(node)) return { kind: 'list', at, items: node.items.map((item) => read(item, depth + 1)) }
    else if (isMap(node)) {
      const entries = node.items.map(({ key, value }) => readEntry(key, value, at, depth))
      const seen = new Set<string>()
      for (const { key, at: place } of entries) {
        if (seen.has(key)) report(place, 'Map keys must be unique')
        seen.add(key)
      }
      return { kind: 'map', at, entries }
    } else if (isScalar(node) && node.value !== null) {
      // A plain 1.10 is the text "1.10", not the number 1.1
      return {
        kind: 'text',
        at,
        text: node.type === 'PLAIN' ? (node.source ?? String(node.value)) : String(node.value),
      }
    }
    return { kind: 'nothing', at }
  }

  function readEntry(key: unknown, value: unknown, around: SourcePosition, depth: number): YamlEntry {
    const name = read(key, depth + 1)
    if (name.kind !== 'text') report(name.kind === 'nothing' ? around : name.at, 'a key is not a string')
    const content: YamlValue = value === null ? { kind: 'nothing', at: name.at } : read(value, depth + 1)
    return { key: name.kind === 'text' ? name.text : '', value: content, at: name.at }
  }

  function placeOf(offset: number): SourcePosition {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(1, line), column: Math.max(1, col) }
  }

  function report(at: SourcePosition, state: string, hint?: string): void {
    problems.push({
      rule: 'yaml',
      severity: 'error',
      message: `Cannot read "${file}": ${state}`,
      at,
      ...(hint ? { hint } : {}),
    })
  }
}
