import { withoutNewline, type LineReader } from './lines.ts'
import type { Heredoc } from './types.ts'

/** `<<WORD` before its lines are read. */
export interface HeredocStart {
  readonly name: string
  readonly expand: boolean
  readonly fd: number
  readonly stripTabs: boolean
}

/** A word of the form `[fd]<<[-]WORD`, quotes and escapes of WORD removed; `undefined` for any other word. */
export function parseHeredocWord(word: string): HeredocStart | undefined {
  let at = 0
  while (isDigit(word[at])) at++
  if (!word.startsWith('<<', at)) return undefined
  const fd = at === 0 ? 0 : Number(word.slice(0, Math.min(at, 9)))
  at += 2
  const stripTabs = word[at] === '-'
  if (stripTabs) at++
  const rest = word.slice(at).trim()
  if (rest === '' || rest.includes('<')) return undefined
  const words = shellWords(rest)
  if (words.length !== 1) return undefined
  const name = unquote(rest)
  return name === '' ? undefined : { name, expand: !/['"]/.test(rest), fd, stripTabs }
}

/** The heredocs that a line starts, from left to right. */
export function findHeredocs(line: string): HeredocStart[] {
  if (!line.includes('<<')) return []
  return shellWords(line).flatMap((word) => parseHeredocWord(word) ?? [])
}

/** Reads the lines of heredocs, each up to its word alone on a line; says which one has no end. */
export function readHeredocs(
  reader: LineReader,
  starts: readonly HeredocStart[],
): { heredocs: readonly Heredoc[]; endLine: number | undefined; unterminated?: string } {
  const heredocs: Heredoc[] = []
  let endLine: number | undefined
  for (const { stripTabs, ...start } of starts) {
    const lines: string[] = []
    for (;;) {
      const line = reader.next()
      if (!line) return { heredocs, endLine, unterminated: start.name }
      endLine = line.number
      const bare = withoutNewline(line.raw)
      if ((stripTabs ? withoutTabs(bare) : bare) === start.name) break
      lines.push(line.raw)
    }
    const raw = lines.join('')
    heredocs.push({ ...start, content: stripTabs ? lines.map(withoutTabs).join('') : raw, raw })
  }
  return { heredocs, endLine }
}

function withoutTabs(line: string): string {
  let start = 0
  while (line[start] === '\t') start++
  return line.slice(start)
}

/** Words as a shell cuts them, quotes and escapes kept; none when a quote does not end. */
function shellWords(line: string): string[] {
  const words: string[] = []
  let start = -1
  let at = 0
  while (at < line.length) {
    const char = line[at]!
    if (isBlank(char)) {
      if (start !== -1) words.push(line.slice(start, at))
      start = -1
      at++
      continue
    }
    if (start === -1) start = at
    if (char === "'" || char === '"') {
      const end = closingQuote(line, at)
      if (end === -1) return []
      at = end + 1
    } else if (char === '\\') {
      at += 2
    } else if (char === '<' && line[at + 1] === '<') {
      at += 2
      while (isBlank(line[at])) at++
    } else {
      at++
    }
  }
  if (start !== -1) words.push(line.slice(start))
  return words
}

function closingQuote(line: string, open: number): number {
  const quote = line[open]!
  if (quote === "'") return line.indexOf(quote, open + 1)
  for (let at = open + 1; at < line.length; at++) {
    if (line[at] === '\\') at++
    else if (line[at] === quote) return at
  }
  return -1
}

function unquote(word: string): string {
  let out = ''
  let quote = ''
  for (let at = 0; at < word.length; at++) {
    const char = word[at]!
    if (char === quote) quote = ''
    else if (quote === '' && (char === '"' || char === "'")) quote = char
    else if (char === '\\' && quote !== "'") out += word[++at] ?? ''
    else out += char
  }
  return out
}

function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\v' || char === '\f' || char === '\r'
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9'
}
