import { XbuildError } from '../errors.ts'

/** One state of a pattern: what it may consume, and whether it may be passed without consuming anything. */
type Token =
  | { readonly type: 'char'; readonly code: number }
  | { readonly type: 'one' } // ?
  | { readonly type: 'some' } // *
  | { readonly type: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly type: 'folders' } // **/ : nothing, or everything up to a slash
  | { readonly type: 'inside' } // the way through `folders`
  | { readonly type: 'all' } // ** at the end

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

/** Go's `filepath.Match`: `*` and `?` stop at a slash, `[a-z]` and `[^a-z]` are classes. Throws BAD_DOCKERFILE for a malformed pattern. */
export function matchPattern(pattern: string, path: string): boolean {
  return compilePattern(pattern).matches(path)
}

/** Compiles a pattern; with `folders`, `**` matches any number of folders. The time of a match is linear in both lengths. */
export function compilePattern(pattern: string, options: { folders?: boolean } = {}): Pattern {
  const tokens = parseTokens(pattern, options.folders ?? false)
  if (tokens.every(({ type }) => type === 'char')) return exactPattern(tokens)
  return {
    matches: (path) => run(tokens, path) === 'match',
    canContinue: (start) => run(tokens, start) !== 'dead',
  }
}

function exactPattern(tokens: readonly Token[]): Pattern {
  const text = tokens.map((token) => (token.type === 'char' ? String.fromCodePoint(token.code) : '')).join('')
  return { matches: (path) => path === text, canContinue: (start) => text.startsWith(start) }
}

function parseTokens(pattern: string, folders: boolean): Token[] {
  const chars = Array.from(pattern, (char) => char.codePointAt(0)!)
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
  return new XbuildError('BAD_DOCKERFILE', `Cannot use pattern "${shown}": ${state}`, { hint: 'Put a backslash before a character that has no special meaning' })
}

/** Follows all states at once, so that no input makes it slow. */
function run(tokens: readonly Token[], path: string): 'match' | 'alive' | 'dead' {
  const mark = new Int32Array(tokens.length + 1).fill(-1)
  let states: number[] = []
  let next: number[] = []
  add(states, 0, 0)
  for (let at = 0; at < path.length; ) {
    const code = path.codePointAt(at)!
    at += code > 0xffff ? 2 : 1
    next.length = 0
    for (const state of states) step(state, code, at)
    ;[states, next] = [next, states]
    if (states.length === 0) return 'dead'
  }
  return states.includes(tokens.length) ? 'match' : 'alive'

  function step(state: number, code: number, at: number): void {
    const token = tokens[state]
    switch (token?.type) {
      case 'char':
        if (token.code === code) add(next, state + 1, at)
        break
      case 'one':
        if (code !== SLASH) add(next, state + 1, at)
        break
      case 'some':
        if (code !== SLASH) add(next, state, at)
        break
      case 'class':
        if (code !== SLASH && token.ranges.some(([low, high]) => low <= code && code <= high) !== token.negated) add(next, state + 1, at)
        break
      case 'inside':
        add(next, state, at)
        if (code === SLASH) add(next, state + 1, at)
        break
      case 'all':
        add(next, state, at)
        break
      default: // past the end, or `folders`, which consumes nothing itself
    }
  }

  function add(to: number[], first: number, at: number): void {
    const pending = [first]
    for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
      if (mark[state] === at) continue
      mark[state] = at
      to.push(state)
      const type = tokens[state]?.type
      if (type === 'folders') pending.push(state + 1, state + 2)
      else if (type === 'some' || type === 'all') pending.push(state + 1)
    }
  }
}
