import { distinctBy } from '../../distinct.ts'
import type { Said, SaidRecord } from '../images/target.ts'
import type { ComposeEnv } from './reading.ts'
import { pairsOf } from './merge.ts'
import { nodeAt, textOf, textsOf, type ComposeNode } from './node.ts'

/** `NAME` alone takes the value of the project's environment, and is left out where there is none. */
export function argsOf(node: ComposeNode | undefined, env: ComposeEnv): SaidRecord {
  const pairs = (node ? pairsOf(node) : []).flatMap((pair) => {
    const [name, value] = cut(textOf(pair) ?? '')
    const found = value ?? env[name]
    return found === undefined ? [] : [[name, { value: found, at: pair.at }] as const]
  })
  return Object.fromEntries(pairs)
}

/** Keys and values, or `NAME=VALUE`. */
export function recordOf(node: ComposeNode | undefined): SaidRecord {
  const pairs = (node ? pairsOf(node) : []).map((pair) => {
    const [name, value = ''] = cut(textOf(pair) ?? '')
    return [name, { value, at: pair.at }] as const
  })
  return Object.fromEntries(pairs)
}

/** `NAME=IP` or `NAME:IP`. */
export function hostsOf(node: ComposeNode | undefined): SaidRecord {
  const found = new Map<string, Said>()
  for (const pair of node ? pairsOf(node) : []) {
    const text = textOf(pair) ?? ''
    const [, name = text, address = ''] = /^([^=:]+)[=:](.*)$/s.exec(text) ?? []
    const ip = address.replace(/^\[(.*)\]$/, '$1')
    const known = found.get(name.trim())
    found.set(name.trim(), { value: known ? `${known.value},${ip}` : ip, at: pair.at })
  }
  return Object.fromEntries(found)
}

/** Each as `--ulimit` has it. */
export function ulimitsOf(node: ComposeNode | undefined): Said[] {
  if (node?.kind !== 'map') return []
  return [...node.entries].map(([name, { value }]) => {
    const single = textOf(value)
    const limits = single ?? `${textOf(nodeAt(value, 'soft')) ?? '0'}:${textOf(nodeAt(value, 'hard')) ?? '0'}`
    return { value: `${name}=${limits}`, at: value.at }
  })
}

/** `provenance` or `sbom` as `--attest` has it. */
export function attestOf(type: string, said: Said | undefined): Said[] {
  if (!said) return []
  const { value, at } = said
  if (value === 'true') return [{ value: `type=${type}`, at }]
  return [{ value: value === 'false' ? `type=${type},disabled=true` : `type=${type},${value}`, at }]
}

/** A text with its place; nothing for an empty one. */
export function saidOf(node: ComposeNode | undefined): Said | undefined {
  const value = textOf(node)
  return value === undefined || value === '' ? undefined : { value, at: node!.at }
}

/** The texts of a list, each with its place. */
export function saidList(node: ComposeNode | undefined): Said[] {
  const items = node?.kind === 'list' ? node.items : node ? [node] : []
  return items.flatMap((item) => textsOf(item).map((value) => ({ value, at: item.at })))
}

/** Every value once, where it stands first. */
export function distinct(list: readonly Said[]): Said[] {
  return distinctBy(list, ({ value }) => value)
}

/** The two sides of the first `=`. */
export function cut(text: string): [name: string, value: string | undefined] {
  const equals = text.indexOf('=')
  return equals === -1 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)]
}

/** One line of fields; what holds commas or quotes is quoted. */
export function csv(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([key, value]) => {
      const field = `${key}=${value}`
      return /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
    })
    .join(',')
}

/** A property that is there when it has a value. */
export function maybe<K extends string, T>(key: K, value: T | undefined): { [k in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [k in K]?: T }
}
