import type { Diagnostic, SourcePosition } from '../../errors.ts'

/** A value of a compose file that knows its place. Files that are merged keep the places of each. */
export type ComposeNode = (
  | { readonly kind: 'null' }
  /** `text`: as compose writes it, where that is not how the value is written here. A date without quotes is no string. */
  | {
      readonly kind: 'scalar'
      readonly value: string | number | boolean
      readonly text?: string
      readonly isDate?: boolean
    }
  | { readonly kind: 'list'; readonly items: readonly ComposeNode[] }
  | { readonly kind: 'map'; readonly entries: ComposeEntries }
) & {
  readonly at: SourcePosition
  /** How it goes together with what an earlier file says there. */
  readonly tag?: 'reset' | 'override'
}

/** Keys with their values, in order. */
export type ComposeEntries = ReadonlyMap<string, { readonly at: SourcePosition; readonly value: ComposeNode }>

export type ComposeMap = Extract<ComposeNode, { kind: 'map' }>

/** Takes a problem; whoever reads goes on to find others. */
export type Report = (at: SourcePosition, message: string, hint?: string, severity?: Diagnostic['severity']) => void

/** The value at a path of keys, if it is there and not null. */
export function nodeAt(node: ComposeNode | undefined, ...path: readonly string[]): ComposeNode | undefined {
  let found = node
  for (const key of path) found = found?.kind === 'map' ? found.entries.get(key)?.value : undefined
  return found?.kind === 'null' ? undefined : found
}

/** A map with an entry set. */
export function withEntry(map: ComposeMap, key: string, value: ComposeNode): ComposeMap {
  const at = map.entries.get(key)?.at ?? value.at
  return { ...map, entries: new Map([...map.entries, [key, { at, value }]]) }
}

/** A map without a key. */
export function withoutEntry(map: ComposeMap, key: string): ComposeMap {
  return { ...map, entries: new Map([...map.entries].filter(([name]) => name !== key)) }
}

/** A map of texts made from nothing. */
export function mapOf(entries: readonly (readonly [string, ComposeNode])[], at: SourcePosition): ComposeMap {
  return { kind: 'map', at, entries: new Map(entries.map(([key, value]) => [key, { at: value.at, value }])) }
}

/** The text of a scalar as compose writes it; nothing for other kinds. */
export function textOf(node: ComposeNode | undefined): string | undefined {
  if (node?.kind !== 'scalar') return undefined
  return node.text ?? String(node.value)
}

/** The texts of one text or a list. */
export function textsOf(node: ComposeNode | undefined): string[] {
  return (node?.kind === 'list' ? node.items : [node]).flatMap((item) => textOf(item) ?? [])
}

/** A number with a fraction or an exponent in Go's shortest form. */
export function floatText(value: number): string {
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 6) return String(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** Applies a change to every scalar. */
export function mapScalars(
  node: ComposeNode,
  change: (scalar: Extract<ComposeNode, { kind: 'scalar' }>) => ComposeNode,
): ComposeNode {
  if (node.kind === 'scalar') return change(node)
  if (node.kind === 'list') return { ...node, items: node.items.map((item) => mapScalars(item, change)) }
  if (node.kind !== 'map') return node
  const entries = [...node.entries].map(
    ([key, { at, value }]) => [key, { at, value: mapScalars(value, change) }] as const,
  )
  return { ...node, entries: new Map(entries) }
}
