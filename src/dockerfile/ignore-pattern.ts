import { exactPattern, patternOf, type Pattern } from './automaton.ts'
import { readGoRegexp } from './go-regexp.ts'
import { compilePattern, malformedPattern } from './pattern.ts'

/**
 * Compiles a pattern of `.dockerignore` or `--exclude` as moby/patternmatcher does: it is checked by the rules of Go's
 * `filepath.Match`, and then becomes a text to compare with, or a regular expression whose own rules hold, whatever
 * was meant: `[*]` is no star, `\d` is a digit. A malformed pattern throws BAD_DOCKERFILE; one whose expression is
 * malformed throws when a path is compared with it, for most paths never are.
 */
export function compileIgnorePattern(pattern: string): Pattern {
  if (isRefused(pattern)) compilePattern(pattern)
  const { kind, expression } = translate(pattern)
  if (kind === 'exact') return exactPattern(pattern)
  if (kind === 'prefix') return prefixPattern(pattern.slice(0, -2))
  if (kind === 'suffix') return suffixPattern(pattern.slice(2))
  const states = readGoRegexp(expression)
  return Array.isArray(states) ? patternOf(states) : brokenPattern(pattern, states.problem)
}

function prefixPattern(text: string): Pattern {
  return {
    matches: (path) => path.startsWith(text),
    canContinue: (start) => start.startsWith(text) || text.startsWith(start),
  }
}

function suffixPattern(text: string): Pattern {
  const alone = text.startsWith('/') ? text.slice(1) : undefined
  return { matches: (path) => path.endsWith(text) || path === alone, canContinue: () => true }
}

function brokenPattern(pattern: string, problem: string): Pattern {
  const fail = () => {
    throw malformedPattern(pattern, `as a regular expression, which it becomes, ${problem}`)
  }
  return { matches: fail, canContinue: () => true }
}

/**
 * Characters that mean something in an expression, but nothing in a pattern. patternmatcher means to escape `|`, `{`
 * and `}` too, but its table of bits ends before them.
 */
const TO_ESCAPE = new Set('.+()$')

interface Translation {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'expression'
  readonly expression: string
}

/** What a pattern becomes; classes are not told apart from other text, which is why a star in one is a surprise. */
function translate(pattern: string): Translation {
  const chars = Array.from(pattern.replace(/^\ufeff/, ''))
  let kind: Translation['kind'] = 'exact'
  let expression = '^'
  for (let at = 0; at < chars.length; ) {
    const start = at
    const char = chars[at++]!
    if (char === '*' && chars[at] === '*') {
      at += chars[at + 1] === '/' ? 2 : 1
      const atEnd = at >= chars.length
      if (atEnd && kind === 'exact') {
        kind = 'prefix'
      } else {
        expression += atEnd ? '.*' : '(.*/)?'
        kind = 'expression'
      }
      if (start === 0) kind = 'suffix'
    } else if (char === '*' || char === '?') {
      expression += char === '*' ? '[^/]*' : '[^/]'
      kind = 'expression'
    } else if (char === '\\') {
      // A lone backslash at the end cannot be: the pattern was checked
      expression += `\\${chars[at++] ?? ''}`
      kind = 'expression'
    } else {
      if (char === '[' || char === ']') kind = 'expression'
      expression += TO_ESCAPE.has(char) ? `\\${char}` : char
    }
  }
  return { kind, expression: `${expression}$` }
}

/**
 * Whether Go's `filepath.Match` finds fault with a pattern when it is tried on ".", which is the check: it looks no
 * further than the first part between stars that does not match.
 */
function isRefused(pattern: string): boolean {
  const [first, second] = partsBetweenStars(pattern)
  if (first === undefined) return false
  return isMalformed(first) || (second !== undefined && compilePattern(first).matches('.') && isMalformed(second))
}

function isMalformed(part: string): boolean {
  try {
    compilePattern(part)
    return false
  } catch {
    return true
  }
}

function partsBetweenStars(pattern: string): string[] {
  const parts = ['']
  let inClass = false
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!
    if (char === '*' && !inClass) {
      parts.push('')
      continue
    }
    if (char === '[' || char === ']') inClass = char === '['
    parts[parts.length - 1] += char === '\\' ? pattern.slice(at, ++at + 1) : char
  }
  return parts.filter((part) => part !== '')
}
