/** A word of a command as it is written, quotes included; offsets into the text. */
export interface Word {
  readonly text: string
  readonly start: number
  readonly end: number
}

/** A program that a shell text runs. */
export interface Command {
  /** `NAME=value` before the program. */
  readonly assignments: readonly Word[]
  /** The program and its arguments; empty where only variables are set. */
  readonly words: readonly Word[]
  readonly start: number
  readonly end: number
  /** Inside `$(...)`. */
  readonly nested?: true
}

const KEYWORDS: ReadonlySet<string> = new Set([
  'if',
  'then',
  'else',
  'elif',
  'fi',
  'do',
  'done',
  'while',
  'until',
  '!',
  '{',
  '}',
  'time',
])
const MOST_NESTED = 20

/**
 * The programs that a POSIX shell text runs, in order; `undefined` when it cannot be followed (functions, quotes
 * without an end).
 */
export function commandsIn(text: string): Command[] | undefined {
  const found: Command[] = []
  return read(text, { from: 0, to: text.length, depth: 0 }, found) ? found : undefined
}

interface Range {
  readonly from: number
  readonly to: number
  readonly depth: number
}

function read(text: string, { from, to, depth }: Range, found: Command[]): boolean {
  if (depth > MOST_NESTED) return false
  let words: Word[] = []
  let assignments: Word[] = []
  let redirect = false
  /** `for` and `case` have words that are no program. */
  let skipping: 'for' | 'case' | undefined
  let cases = 0
  let pattern = false
  const end = (): void => {
    const all = [...assignments, ...words]
    if (all.length > 0 && skipping === undefined) {
      found.push({
        assignments,
        words,
        start: all[0]!.start,
        end: all.at(-1)!.end,
        ...(depth > 0 ? { nested: true as const } : {}),
      })
    }
    words = []
    assignments = []
    skipping = undefined
    redirect = false
  }
  let at = from
  while (at < to) {
    const char = text[at]!
    if (char === ' ' || char === '\t' || char === '\r') at++
    else if (char === '\\' && (text[at + 1] === '\n' || (text[at + 1] === '\r' && text[at + 2] === '\n')))
      at = text.indexOf('\n', at) + 1
    else if (char === '#') {
      const newline = text.indexOf('\n', at)
      at = newline === -1 ? to : newline
    } else if (pattern) {
      if (/^esac\b/.test(text.slice(at, at + 5))) {
        pattern = false
        cases--
        at += 4
      } else if (char === '\n') at++
      else {
        const close = closing(text, at, to, ')')
        if (close === -1) return false
        pattern = false
        at = close + 1
      }
    } else if (char === '\n' || char === ';' || char === '&' || char === '|' || char === ')') {
      if (char === '&' && text[at + 1] === '>') {
        redirect = true
        at += 2
        continue
      }
      end()
      if (char === ';' && text[at + 1] === ';' && cases > 0) pattern = true
      at += (char === ';' || char === '&' || char === '|') && text[at + 1] === char ? 2 : 1
    } else if (char === '(') {
      // A name before it: a function
      if (words.length > 0 && skipping === undefined) return false
      end()
      at++
    } else if (char === '<' || char === '>') {
      at++
      while (at < to && '<>&|-'.includes(text[at]!)) at++
      redirect = true
    } else {
      const stop = wordEnd(text, at, { to, depth }, found)
      if (stop === -1) return false
      const word = { text: text.slice(at, stop), start: at, end: stop }
      at = stop
      if (redirect) redirect = false
      else if (/^\d+$/.test(word.text) && (text[at] === '<' || text[at] === '>')) continue
      else if (skipping === 'case') {
        if (word.text !== 'in') continue
        skipping = undefined
        pattern = true
      } else if (skipping === 'for') continue
      else if (words.length > 0) words.push(word)
      else if (word.text === 'for' || word.text === 'case') {
        skipping = word.text
        if (word.text === 'case') cases++
      } else if (word.text === 'esac') cases--
      else if (word.text === 'function') return false
      else if (KEYWORDS.has(word.text)) continue
      else if (/^[A-Za-z_]\w*\+?=/.test(word.text)) assignments.push(word)
      else words.push(word)
    }
  }
  end()
  return true
}

/** Where a word ends; commands inside it are read, too. -1: it cannot be told. */
function wordEnd(text: string, start: number, { to, depth }: { to: number; depth: number }, found: Command[]): number {
  let at = start
  let quoted = false
  while (at < to) {
    const char = text[at]!
    if (char === '\\') at += 2
    else if (char === "'" && !quoted) {
      const close = text.indexOf("'", at + 1)
      if (close === -1 || close >= to) return -1
      at = close + 1
    } else if (char === '"') {
      quoted = !quoted
      at++
    } else if (char === '`' || (char === '$' && text[at + 1] === '(')) {
      const open = char === '`' ? at + 1 : at + 2
      const close = char === '`' ? text.indexOf('`', open) : closing(text, open, to, ')')
      if (close === -1 || close >= to) return -1
      const isSum = char === '$' && text[open] === '('
      if (!isSum && !read(text, { from: open, to: close, depth: depth + 1 }, found)) return -1
      at = close + 1
    } else if (char === '$' && text[at + 1] === '{') {
      const close = closing(text, at + 2, to, '}')
      if (close === -1) return -1
      at = close + 1
    } else if (!quoted && /[\s;&|()<>]/.test(char)) break
    else at++
  }
  return quoted ? -1 : Math.min(at, to)
}

/** The bracket that closes what is open at `start`; quotes and inner brackets are stepped over. */
function closing(text: string, start: number, to: number, close: ')' | '}'): number {
  const open = close === ')' ? '(' : '{'
  let depth = 0
  for (let at = start; at < to; at++) {
    const char = text[at]!
    if (char === '\\') at++
    else if (char === "'" || char === '"') {
      const end = endOfQuote(text, at)
      if (end === -1) return -1
      at = end
    } else if (char === open) depth++
    else if (char === close && depth-- === 0) return at
  }
  return -1
}

function endOfQuote(text: string, open: number): number {
  const quote = text[open]!
  if (quote === "'") return text.indexOf("'", open + 1)
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === quote) return at
  }
  return -1
}

/** A word without its quotes; what stands for something else stays as it is written. */
export function plain(word: Word | string): string {
  return (typeof word === 'string' ? word : word.text).replace(/["']/g, '').replace(/\\(.)/g, '$1')
}
