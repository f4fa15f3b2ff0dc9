import type { Escape } from './lines.ts'

const BLANKS = /[\t\v\f\r ]+/

/** Fields between blanks; quotes mean nothing. */
export function splitFields(text: string): string[] {
  const trimmed = text.trim()
  return trimmed === '' ? [] : trimmed.split(BLANKS)
}

/** The first field and everything after it. */
export function cutField(text: string): { first: string; rest: string } {
  const trimmed = text.trim()
  const blank = trimmed.search(/[\t\v\f\r ]/)
  return blank === -1
    ? { first: trimmed, rest: '' }
    : { first: trimmed.slice(0, blank), rest: trimmed.slice(blank).trim() }
}

/** Words between blanks where quotes and escapes hold blanks together; both stay in the words. */
export function splitWords(text: string, escape: Escape): string[] {
  // Most arguments have none of these, and cutting at blanks is quick
  if (!/["'`\\\n]/.test(text)) return splitFields(text)
  const words: string[] = []
  let start = -1
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (quote === '' && isSpace(char)) {
      if (start !== -1) words.push(text.slice(start, at))
      start = -1
      continue
    }
    if (start === -1) start = at
    if (char === escape && quote !== "'") at++
    else if (char === quote) quote = ''
    else if (quote === '' && (char === '"' || char === "'")) quote = char
  }
  if (start !== -1) words.push(text.slice(start))
  return words
}

function isSpace(char: string): boolean {
  return char === ' ' || (char >= '\t' && char <= '\r')
}

const NO_FLAGS: readonly string[] = []

/**
 * Cuts `--flag[=value]` words off the front of an instruction's arguments; `--` alone ends them. Quotes are removed.
 */
export function cutFlags(text: string, escape: Escape): { flags: readonly string[]; rest: string } {
  if (!text.startsWith('--')) return { flags: NO_FLAGS, rest: text }
  const flags: string[] = []
  let at = 0
  for (;;) {
    while (at < text.length && isSpace(text[at]!)) at++
    if (!text.startsWith('--', at)) return { flags, rest: text.slice(at).trim() }
    let flag = ''
    let quote = ''
    for (; at < text.length && (quote !== '' || !isSpace(text[at]!)); at++) {
      const char = text[at]!
      if (char === escape) flag += text[++at] ?? ''
      else if (char === quote) quote = ''
      else if (quote === '' && (char === '"' || char === "'")) quote = char
      else flag += char
    }
    if (flag === '--') return { flags, rest: text.slice(at).trim() }
    flags.push(flag)
  }
}

/** A JSON list of texts; `mixed` when it is a list but holds something else; `undefined` when it is no JSON list. */
export function parseJsonList(text: string): readonly string[] | 'mixed' | undefined {
  if (!text.startsWith('[')) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(value)) return undefined
  if (!value.every((item) => typeof item === 'string')) return 'mixed'
  // Half of a surrogate pair is how names hold a byte that is not UTF-8: BuildKit knows no such way to write one
  return value.map((item: string) => item.toWellFormed())
}
