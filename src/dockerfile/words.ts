import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { shorten } from './flags.ts'
import type { Escape } from './lines.ts'
import { removePrefix, removeSuffix, replacePattern } from './substitute.ts'

/** How a word is expanded. */
export interface ExpandOptions {
  /** The value of a variable; `undefined` when it is not set. */
  readonly lookup: (name: string) => string | undefined
  readonly escape: Escape
  /** Quotes are ordinary characters, as in the body of a heredoc. */
  readonly plainQuotes?: boolean
  /** Work that is left, in characters; shared by many words it bounds them together. */
  readonly budget?: Budget
}

export interface Budget {
  left: number
}

/** Work for one word when the caller sets no bounds. */
const DEFAULT_BUDGET = 16 << 20
/** No program takes a longer argument or variable (MAX_ARG_STRLEN), so no variable may make a text longer by more. */
const MAX_GROWTH = 128 << 10
const MAX_DEPTH = 100

interface Cursor {
  readonly text: string
  readonly options: ExpandOptions
  readonly budget: Budget
  at: number
  depth: number
}

/** A text with variables replaced, quotes and escapes removed. Throws BAD_DOCKERFILE. */
export function expandWord(text: string, options: ExpandOptions): string {
  return expand(text, options).join('')
}

/** `expandWord`, then cut at blanks that were not quoted. */
export function expandWords(text: string, options: ExpandOptions): string[] {
  const words: string[] = []
  expand(text, options, words)
  return words
}

function expand(text: string, options: ExpandOptions, words?: string[]): string[] {
  const cursor: Cursor = { text, options, budget: options.budget ?? { left: DEFAULT_BUDGET }, at: 0, depth: 0 }
  spend(cursor, text.length)
  if (!words && !/[$\\`'"]/.test(text)) return [text]
  const parts = readUntil(cursor, { rawEscapes: false, ...compact({ words }) })
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (length > text.length + MAX_GROWTH) throw failed(cursor, 'it becomes longer than 128 KiB')
  spend(cursor, length)
  return parts
}

function spend(cursor: Cursor, characters: number): void {
  cursor.budget.left -= characters
  if (cursor.budget.left < 0) throw failed(cursor, 'its expansion takes too many steps')
}

function failed(cursor: Cursor, state: string, hint?: string, malformedWord = true): XbuildError {
  return new XbuildError('BAD_DOCKERFILE', `Cannot expand "${shorten(cursor.text)}": ${state}`, {
    hint,
    facts: { malformedWord },
  })
}

interface ReadOptions {
  /** The character that ends the text; without it: the end. */
  readonly stop?: string
  /** Escapes stay, for a pattern that reads them itself. */
  readonly rawEscapes: boolean
  readonly words?: string[]
}

function readUntil(cursor: Cursor, { stop, rawEscapes, words }: ReadOptions): string[] {
  const { text, options } = cursor
  const parts: string[] = []
  let word: string | undefined
  const take = (part: string, quoted: boolean): void => {
    parts.push(part)
    if (!words) return
    if (quoted) {
      word = (word ?? '') + part
      return
    }
    for (const [index, piece] of part.split(/\s/).entries()) {
      if (index > 0) {
        if (word) words.push(word)
        word = undefined
      }
      if (piece !== '') word = (word ?? '') + piece
    }
  }
  while (cursor.at < text.length) {
    const char = text[cursor.at]!
    if (char === stop) {
      cursor.at++
      return parts
    }
    if (char === '$') take(readDollar(cursor), false)
    else if (!options.plainQuotes && char === "'") take(readSingleQuoted(cursor), true)
    else if (!options.plainQuotes && char === '"') take(readDoubleQuoted(cursor, rawEscapes), true)
    else if (char === options.escape) {
      const next = text.codePointAt(cursor.at + 1)
      const escaped = next === undefined ? '' : String.fromCodePoint(next)
      cursor.at += 1 + escaped.length
      take((rawEscapes ? char : '') + escaped, true)
    } else take(readPlain(cursor, stop), false)
  }
  if (stop !== undefined)
    throw failed(
      cursor,
      stop === '}' ? '"${" has no "}"' : `"\${" has no "${stop}"`,
      'Write a backslash before a "$" that is a character',
    )
  if (words && word) words.push(word)
  return parts
}

function readPlain(cursor: Cursor, stop: string | undefined): string {
  const { text, options } = cursor
  const start = cursor.at++
  while (cursor.at < text.length) {
    const char = text[cursor.at]
    if (
      char === '$' ||
      char === options.escape ||
      char === stop ||
      (!options.plainQuotes && (char === "'" || char === '"'))
    )
      break
    cursor.at++
  }
  return text.slice(start, cursor.at)
}

function readSingleQuoted(cursor: Cursor): string {
  const end = cursor.text.indexOf("'", cursor.at + 1)
  if (end === -1) throw failed(cursor, 'a single quote has no end')
  const quoted = cursor.text.slice(cursor.at + 1, end)
  cursor.at = end + 1
  return quoted
}

function readDoubleQuoted(cursor: Cursor, rawEscapes: boolean): string {
  const { text, options } = cursor
  const parts: string[] = []
  cursor.at++
  while (cursor.at < text.length) {
    const char = text[cursor.at]!
    if (char === '"') {
      cursor.at++
      return parts.join('')
    }
    if (char === '$') {
      parts.push(readDollar(cursor))
      continue
    }
    cursor.at++
    const next = text[cursor.at]
    if (char !== options.escape) {
      parts.push(char)
    } else if (next === '"' || next === '$' || next === options.escape) {
      parts.push(rawEscapes ? char + next : next)
      cursor.at++
    } else if (next !== undefined || rawEscapes) {
      parts.push(char)
    }
  }
  throw failed(cursor, 'a double quote has no end')
}

function readDollar(cursor: Cursor): string {
  const { text, options } = cursor
  cursor.at++
  if (text[cursor.at] !== '{') {
    const name = readName(cursor)
    return name === '' ? '$' : (options.lookup(name) ?? '')
  }
  cursor.at++
  if (cursor.depth >= MAX_DEPTH) throw failed(cursor, 'substitutions are nested too deeply')
  cursor.depth++
  const value = readSubstitution(cursor)
  cursor.depth--
  return value
}

/** What follows `${`, up to its `}`. */
function readSubstitution(cursor: Cursor): string {
  const { text, options } = cursor
  const first = text[cursor.at]
  if (first === undefined) throw failed(cursor, '"${" has no "}"')
  if (first === '{' || first === '}' || first === ':') throw failed(cursor, 'a substitution has no name')
  const name = readName(cursor)
  const value = options.lookup(name)
  const operator = text[cursor.at++]
  switch (operator) {
    case undefined:
      throw failed(cursor, '"${" has no "}"')
    case '}':
      return value ?? ''
    case ':': {
      const kind = text[cursor.at++]
      if (kind !== '-' && kind !== '+' && kind !== '?') throw failed(cursor, `modifier ":${kind ?? ''}" is unknown`)
      return applyDefault(cursor, kind, { name, value: value === '' ? undefined : value, written: value })
    }
    case '-':
    case '+':
    case '?':
      return applyDefault(cursor, operator, { name, value, written: value })
    case '#':
    case '%': {
      const longest = text[cursor.at] === operator
      if (longest) cursor.at++
      const pattern = readUntil(cursor, { stop: '}', rawEscapes: true }).join('')
      const remove = operator === '#' ? removePrefix : removeSuffix
      return remove(value ?? '', pattern, { longest, spend: (characters) => spend(cursor, characters) })
    }
    case '/': {
      const all = text[cursor.at] === '/'
      if (all) cursor.at++
      const pattern = readUntil(cursor, { stop: '/', rawEscapes: true }).join('')
      const replacement = readUntil(cursor, { stop: '}', rawEscapes: true }).join('')
      return replacePattern(value ?? '', pattern, {
        replacement,
        all,
        spend: (characters) => spend(cursor, characters),
      })
    }
    default:
      throw failed(cursor, `modifier "${operator}" is unknown`, 'Use one of :- :+ :? - + ? # ## % %% / //')
  }
}

function applyDefault(
  cursor: Cursor,
  kind: '-' | '+' | '?',
  { name, value, written }: { name: string; value: string | undefined; written: string | undefined },
): string {
  const word = readUntil(cursor, { stop: '}', rawEscapes: false }).join('')
  if (kind === '-') return value ?? word
  if (kind === '+') return value === undefined ? '' : word
  if (value !== undefined) return value
  throw failed(
    cursor,
    `${name}: ${word || (written === undefined ? 'is not allowed to be unset' : 'is not allowed to be empty')}`,
    `Set it, for example with --build-arg ${name}=VALUE`,
    false,
  )
}

const SPECIAL: ReadonlySet<string> = new Set(['@', '*', '#', '?', '-', '$', '!', '0'])

/** A variable's name, a number, or one special character; empty when there is none of them. */
function readName(cursor: Cursor): string {
  const { text } = cursor
  const start = cursor.at
  const first = text[start]
  if (first === undefined) return ''
  if (first >= '0' && first <= '9') {
    while (cursor.at < text.length && text[cursor.at]! >= '0' && text[cursor.at]! <= '9') cursor.at++
  } else if (SPECIAL.has(first)) {
    cursor.at++
  } else {
    while (cursor.at < text.length && isNameChar(text[cursor.at]!)) cursor.at++
  }
  return text.slice(start, cursor.at)
}

function isNameChar(char: string): boolean {
  return (
    (char >= 'a' && char <= 'z') ||
    (char >= 'A' && char <= 'Z') ||
    (char >= '0' && char <= '9') ||
    char === '_' ||
    (char > '\u007f' && /[\p{L}\p{Nd}]/u.test(char))
  )
}
