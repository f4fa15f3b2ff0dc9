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
  return `[${items.map((item) => quote(item)).join(' ')}]`
}

/**
 * A health check as Go prints the struct with `%q`: texts and durations quoted, and the number of retries as if it
 * were a character.
 */
export function describeHealthcheck(check: Healthcheck): string {
  const { Test = [], Interval = 0, Timeout = 0, StartPeriod = 0, StartInterval = 0, Retries = 0 } = check
  const durations = [Interval, Timeout, StartPeriod, StartInterval].map((value) => quote(formatDuration(value)))
  return `&{${[quoteList(Test), ...durations, quote(runeOf(Retries), "'")].join(' ')}}`
}

/** Go shows what is no character as this one. */
function runeOf(code: number): string {
  const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
  return String.fromCodePoint(isCharacter ? code : 0xfffd)
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
}

function quote(text: string, mark = '"'): string {
  const quoted = text.replace(/[\\"']|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (char) => {
    const code = char.codePointAt(0)!
    if (char === '"' || char === "'") return char === mark ? `\\${char}` : char
    if (ESCAPES[char] !== undefined) return ESCAPES[char]
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
  return `${mark}${quoted}${mark}`
}
