import { XbuildError } from '../errors.ts'

/** One state of a pattern: what it may consume, and whether it may be passed without consuming anything. */
type Token =
  | { readonly type: 'char'; readonly code: number }
  | { readonly type: 'one' } // ?
  | { readonly type: 'some' } // *
  | { readonly type: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly type: 'folders' } // **/ : nothing, or everything up to a slash
  | { readonly type: 'inside' } // the way through `folders`
  | { readonly type: 'all' } // ** at the end, or at the start before plain text

/** A compiled pattern. */
export interface Pattern {
  /** Whether the whole path matches. */
  matches(path: string): boolean
  /** Whether some path that begins with `start` could match. */
  canContinue(start: string): boolean
}

const SLASH = 47

/** Whether a path has a character that a pattern gives a meaning: `*`, `?` or `[`. */
export function hasWildcard(pattern: string): boolean {
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]
    if (char === '\\') at++
    else if (char === '*' || char === '?' || char === '[') return true
  }
  return false
}

/**
 * Go's `filepath.Match`: `*` and `?` stop at a slash, `[a-z]` and `[^a-z]` are classes. Throws BAD_DOCKERFILE for a
 * malformed pattern.
 */
export function matchPattern(pattern: string, path: string): boolean {
  return compilePattern(pattern).matches(path)
}

/**
 * Compiles a pattern; with `folders`, `**` matches any number of folders. The time of a match is linear in both
 * lengths.
 */
export function compilePattern(pattern: string, options: { folders?: boolean } = {}): Pattern {
  const tokens = parseTokens(pattern, options.folders ?? false)
  const first = tokens.findIndex(({ type }) => type !== 'char')
  if (first === -1) return exactPattern(textOf(tokens))
  // Most paths differ from most patterns in their first or last characters, and strings compare fast.
  const prefix = textOf(tokens.slice(0, first))
  const suffix = textOf(tokens.slice(tokens.findLastIndex(({ type }) => type !== 'char') + 1))
  const run = createRun(tokens)
  return {
    matches: (path) => path.startsWith(prefix) && path.endsWith(suffix) && run(path) === 'match',
    canContinue: (start) => run(start) !== 'dead',
  }
}

function exactPattern(text: string): Pattern {
  return { matches: (path) => path === text, canContinue: (start) => text.startsWith(start) }
}

function textOf(tokens: readonly Token[]): string {
  return tokens.map((token) => (token.type === 'char' ? String.fromCodePoint(token.code) : '')).join('')
}

/** `**` and then plain text: the end of a path, at any depth, also within a name; before `/` it is whole folders. */
const PLAIN_END = /^\*\*[^/*?[\]\\][^*?[\]\\]*$/

function parseTokens(pattern: string, folders: boolean): Token[] {
  const chars = Array.from(pattern, (char) => char.codePointAt(0)!)
  if (folders && PLAIN_END.test(pattern))
    return [{ type: 'all' }, ...chars.slice(2).map((code): Token => ({ type: 'char', code }))]
  const tokens: Token[] = []
  let at = 0
  while (at < chars.length) {
    const char = String.fromCodePoint(chars[at]!)
    if (char === '*' && folders && chars[at + 1] === 42) {
      at += chars[at + 2] === SLASH ? 3 : 2
      if (at >= chars.length) tokens.push({ type: 'all' })
      else if (tokens.at(-1)?.type !== 'inside') tokens.push({ type: 'folders' }, { type: 'inside' })
    } else if (char === '*') {
      // Stars in a row say what one says; dropping them keeps the states few.
      if (tokens.at(-1)?.type !== 'some') tokens.push({ type: 'some' })
      at++
    } else if (char === '?') {
      tokens.push({ type: 'one' })
      at++
    } else if (char === '[') {
      at = parseClass(pattern, chars, at, tokens)
    } else {
      if (char === '\\' && ++at >= chars.length) throw malformed(pattern, 'it ends with a lone backslash')
      tokens.push({ type: 'char', code: chars[at++]! })
    }
  }
  return tokens
}

function parseClass(pattern: string, chars: readonly number[], open: number, tokens: Token[]): number {
  let at = open + 1
  const negated = chars[at] === 94
  if (negated) at++
  const ranges: [number, number][] = []
  while (chars[at] !== 93 || ranges.length === 0) {
    const low = classChar()
    const high = chars[at] === 45 ? (at++, classChar()) : low
    ranges.push([low, high])
  }
  tokens.push({ type: 'class', negated, ranges })
  return at + 1

  function classChar(): number {
    const escaped = chars[at] === 92
    if (escaped) at++
    const code = chars[at++]
    if (code === undefined) throw malformed(pattern, '"[" has no "]"')
    if (!escaped && (code === 93 || code === 45)) throw malformed(pattern, 'a class has "-" or "]" at a wrong place')
    return code
  }
}

function malformed(pattern: string, state: string): XbuildError {
  const shown = pattern.length > 80 ? `${pattern.slice(0, 77)}...` : pattern
  return new XbuildError('BAD_DOCKERFILE', `Cannot use pattern "${shown}": ${state}`, {
    hint: 'Put a backslash before a character that has no special meaning',
  })
}

/** Follows all states at once, so that no input makes it slow; its lists are made once and used for every path. */
function createRun(tokens: readonly Token[]): (path: string) => 'match' | 'alive' | 'dead' {
  const size = tokens.length + 1
  let states = new Int32Array(size)
  let next = new Int32Array(size)
  let count = 0
  const pending = new Int32Array(2 * size)
  // The round in which a state was entered last.
  const entered = new Float64Array(size)
  let round = 0

  function run(path: string): 'match' | 'alive' | 'dead' {
    begin()
    enter(0)
    for (let at = 0; at < path.length; ) {
      const code = path.codePointAt(at)!
      at += code > 0xffff ? 2 : 1
      const current = count
      begin()
      for (let index = 0; index < current; index++) step(states[index]!, code)
      if (count === 0) return 'dead'
    }
    return entered[tokens.length] === round ? 'match' : 'alive'
  }

  /** The states entered from now on are the next ones. */
  function begin(): void {
    ;[states, next] = [next, states]
    count = 0
    round++
  }

  function step(state: number, code: number): void {
    const token = tokens[state]
    switch (token?.type) {
      case 'char':
        if (token.code === code) enter(state + 1)
        break
      case 'one':
        if (code !== SLASH) enter(state + 1)
        break
      case 'some':
        if (code !== SLASH) enter(state)
        break
      case 'class':
        if (code !== SLASH && token.ranges.some(([low, high]) => low <= code && code <= high) !== token.negated)
          enter(state + 1)
        break
      case 'inside':
        enter(state)
        if (code === SLASH) enter(state + 1)
        break
      case 'all':
        enter(state)
        break
      default: // past the end, or `folders`, which consumes nothing itself
    }
  }

  function enter(first: number): void {
    let depth = 0
    pending[depth++] = first
    while (depth > 0) {
      const state = pending[--depth]!
      if (entered[state] === round) continue
      entered[state] = round
      next[count++] = state
      const type = tokens[state]?.type
      if (type === 'folders') {
        pending[depth++] = state + 1
        pending[depth++] = state + 2
      } else if (type === 'some' || type === 'all') {
        pending[depth++] = state + 1
      }
    }
  }

  return run
}
