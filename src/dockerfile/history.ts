import type { Healthcheck, HistoryEntry } from '../oci/manifest.ts'
import { formatDuration } from './duration.ts'

/** A history entry of a step that makes a layer. */
export function layerHistory(createdBy: string): HistoryEntry {
  return { created_by: createdBy, comment: 'buildkit.dockerfile.v0' }
}

/** A history entry of a step that changes only the config. */
export function metaHistory(createdBy: string): HistoryEntry {
  return { ...layerHistory(createdBy), empty_layer: true }
}

/** `created_by` of a RUN: `RUN |1 NAME=value /bin/sh -c echo hi # buildkit`. */
export function runCreatedBy(argv: readonly string[], args: readonly (readonly [string, string])[]): string {
  const prefix = args.length === 0 ? [] : [`|${args.length}`, ...args.map(([name, value]) => `${name}=${value}`)]
  return `RUN ${[...prefix, ...argv].join(' ')} # buildkit`
}

/** A list as Go prints it with `%q`: `["a" "b"]`. */
export function quoteList(items: readonly string[]): string {
  return `[${items.map(quote).join(' ')}]`
}

/** A health check as Go prints the struct. */
export function describeHealthcheck(check: Healthcheck): string {
  const { Test = [], Interval = 0, Timeout = 0, StartPeriod = 0, StartInterval = 0, Retries = 0 } = check
  const entries = Object.entries({ Interval, Timeout, StartPeriod, StartInterval })
  const durations = entries.map(([name, value]) => `${name}:${formatDuration(value)}`)
  return `{Test:[${Test.join(' ')}] ${durations.join(' ')} Retries:${Retries}}`
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}

function quote(text: string): string {
  const quoted = text.replace(/[\\"]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (char) => {
    const code = char.codePointAt(0)!
    if (ESCAPES[char] !== undefined) return ESCAPES[char]
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
  return `"${quoted}"`
}
