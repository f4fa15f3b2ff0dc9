import { XbuildError } from '../errors.ts'
import { patternOf, type CharSet, type Pattern, type State } from './automaton.ts'

/** Whether a path has a character that a pattern gives a meaning: `*`, `?` or `[`. */
export function hasWildcard(pattern: string): boolean {
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]
    if (char === '\\') at++
    else if (char === '*' || char === '?' || char === '[') return true
  }
  return false
}

/** Every character but a slash. */
const NO_SLASH: CharSet = { negated: true, ranges: [[47, 47]] }

/**
 * Go's `filepath.Match`: `*` and `?` stop at a slash, `[a-z]` and `[^a-z]` are classes. Throws BAD_DOCKERFILE for a
 * malformed pattern.
 */
export function matchPattern(pattern: string, path: string): boolean {
  return compilePattern(pattern).matches(path)
}

/** Compiles a pattern as Go's `filepath.Match` reads it, which has no `**`. Throws BAD_DOCKERFILE. */
export function compilePattern(pattern: string): Pattern {
  const chars = Array.from(pattern, (char) => char.codePointAt(0)!)
  const states: State[] = []
  let at = 0
  while (at < chars.length) {
    const char = String.fromCodePoint(chars[at]!)
    if (char === '*') {
      // Stars in a row say what one says; dropping them keeps the states few.
      if (states.at(-1)?.type !== 'many') states.push({ type: 'many', set: NO_SLASH })
      at++
    } else if (char === '?') {
      states.push({ type: 'set', set: NO_SLASH })
      at++
    } else if (char === '[') {
      const { set, end } = readClass(pattern, chars, at)
      states.push({ type: 'set', set })
      at = end
    } else {
      if (char === '\\' && ++at >= chars.length) throw malformedPattern(pattern, 'it ends with a lone backslash')
      states.push({ type: 'char', code: chars[at++]! })
    }
  }
  return patternOf(states)
}

function readClass(pattern: string, chars: readonly number[], open: number): { set: CharSet; end: number } {
  let at = open + 1
  const negated = chars[at] === 94
  if (negated) at++
  const ranges: [number, number][] = []
  while (chars[at] !== 93 || ranges.length === 0) {
    const low = classChar()
    const high = chars[at] === 45 ? (at++, classChar()) : low
    ranges.push([low, high])
  }
  return { set: { negated, ranges }, end: at + 1 }

  function classChar(): number {
    const escaped = chars[at] === 92
    if (escaped) at++
    const code = chars[at++]
    if (code === undefined) throw malformedPattern(pattern, '"[" has no "]"')
    if (!escaped && (code === 93 || code === 45))
      throw malformedPattern(pattern, 'a class has "-" or "]" at a wrong place')
    return code
  }
}

/** The error of a pattern that cannot be read. */
export function malformedPattern(pattern: string, state: string): XbuildError {
  const shown = pattern.length > 80 ? `${pattern.slice(0, 77)}...` : pattern
  return new XbuildError('BAD_DOCKERFILE', `Cannot use pattern "${shown}": ${state}`, {
    hint: 'Put a backslash before a character that has no special meaning',
  })
}
