import { XbuildError } from '../errors.ts'
import type { Pattern } from './automaton.ts'
import { compileIgnorePattern } from './ignore-pattern.ts'
import { cleanPath } from './paths.ts'

/** Which paths of a context are left out; paths are relative, with `/`, without a leading `./`. */
export interface IgnoreMatcher {
  /** Whether the path, or a folder it lies in, is left out and not brought back. */
  matches(path: string): boolean
  /** Whether a folder is left out and no pattern can bring back anything below it. */
  canPrune(dir: string): boolean
}

interface Rule {
  readonly pattern: Pattern
  readonly negated: boolean
}

/** Parses a `.dockerignore`. Throws BAD_DOCKERFILE with the line of a malformed pattern. */
export function parseIgnore(text: string, options: { file: string }): IgnoreMatcher {
  const lines = (text.startsWith('\ufeff') ? text.slice(1) : text).split('\n')
  const rules = lines.flatMap((line, index) => parseLine(line, { file: options.file, line: index + 1 }) ?? [])
  return withDocumentedRule(rules)
}

/** A matcher of patterns that come from somewhere else than a file, whose paths start at a root as in a file. */
export function ignoreMatcher(patterns: readonly string[]): IgnoreMatcher {
  return withDocumentedRule(patterns.flatMap((pattern) => parseRule(fromRoot(trim(pattern))) ?? []))
}

/**
 * A matcher of `COPY --exclude`: paths are relative there, and one that begins with a slash matches nothing. Throws
 * BAD_DOCKERFILE for a malformed pattern.
 */
export function excludeMatcher(patterns: readonly string[]): IgnoreMatcher {
  return matcherOf(patterns.flatMap((pattern) => parseRule(pattern) ?? []))
}

function parseLine(line: string, at: { file: string; line: number }): Rule | undefined {
  if (line.startsWith('#')) return undefined
  const rule = located(() => parseRule(fromRoot(trim(line))), at)
  if (!rule) return undefined
  const { pattern, negated } = rule
  return { negated, pattern: { ...pattern, matches: (path) => located(() => pattern.matches(path), at) } }
}

function located<T>(act: () => T, at: { file: string; line: number }): T {
  try {
    return act()
  } catch (cause) {
    if (!(cause instanceof XbuildError)) throw cause
    throw cause.with({ at })
  }
}

/** What Go takes for a blank. */
const BLANKS = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+'
const OUTER_BLANKS = new RegExp(`^${BLANKS}|${BLANKS}$`, 'g')

function trim(text: string): string {
  return text.replace(OUTER_BLANKS, '')
}

/** A line of a file: its path starts at the root, with or without a slash. */
function fromRoot(line: string): string {
  const [mark, path] = line.startsWith('!') ? ['!', trim(line.slice(1))] : ['', line]
  if (path === '') return line
  const clean = cleanPath(path)
  return mark + (clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean)
}

function parseRule(text: string): Rule | undefined {
  const trimmed = trim(text)
  if (trimmed === '') return undefined
  // The mark belongs to the first name of the path here: "!/" is "!", and "!./a" stays as it is
  const clean = cleanPath(trimmed)
  const negated = clean.startsWith('!')
  if (clean === '!') {
    throw new XbuildError('BAD_DOCKERFILE', 'Cannot use pattern "!": it has no path', {
      hint: 'Write a path after the exclamation mark',
    })
  }
  return { pattern: compileIgnorePattern(negated ? clean.slice(1) : clean), negated }
}

/** Which rules hit a path: each that hits a folder above it, or the path itself when it was asked. */
type Hits = readonly boolean[]

/**
 * Rules are asked in their order, and only when they would change what is known so far: a rule that was not asked at
 * a folder has not hit it for what lies below, either. So does BuildKit.
 */
function matcherOf(rules: readonly Rule[]): IgnoreMatcher {
  // Asked once per folder, not once per file
  const folders = new Map<string, Hits>([['', rules.map(() => false)]])

  function hitsOf(path: string, above: Hits): { matched: boolean; hits: Hits } {
    let matched = false
    const hits = rules.map(({ pattern, negated }, index) => {
      const hit = above[index]! || (negated === matched && pattern.matches(path))
      if (hit) matched = !negated
      return hit
    })
    return { matched, hits }
  }

  function hitsOfFolder(folder: string): Hits {
    const missing: string[] = []
    let known = folder
    while (!folders.has(known)) {
      missing.push(known)
      known = folderOf(known)
    }
    let hits = folders.get(known)!
    for (let path = missing.pop(); path !== undefined; path = missing.pop()) {
      hits = hitsOf(path, hits).hits
      folders.set(path, hits)
    }
    return hits
  }

  function matches(path: string): boolean {
    if (rules.length === 0 || path === '' || path === '.') return false
    return hitsOf(path, hitsOfFolder(folderOf(path))).matched
  }

  function canPrune(dir: string): boolean {
    if (!matches(dir)) return false
    const last = hitsOfFolder(dir).lastIndexOf(true)
    // Everything below the folder matches `last` too: only a later `!` could bring it back.
    return !rules.some(({ negated, pattern }, index) => index > last && negated && pattern.canContinue(`${dir}/`))
  }

  return { matches, canPrune }
}

/**
 * For contexts the rule of the manual holds besides: of the patterns that match a path or a folder above it, the last
 * one decides. BuildKit asks both ways, too: where only this one leaves a file out, it sends the name without content.
 */
function withDocumentedRule(rules: readonly Rule[]): IgnoreMatcher {
  const asked = matcherOf(rules)
  const firstException = rules.findIndex(({ negated }) => negated)
  if (firstException === -1 || rules.slice(firstException).every(({ negated }) => negated)) return asked
  const known = new Map<string, boolean[]>()

  function reaches(index: number, folder: string): boolean {
    const above = folderOf(folder)
    const hits = known.get(folder) ?? []
    known.set(folder, hits)
    hits[index] ??= (above !== '' && reaches(index, above)) || rules[index]!.pattern.matches(folder)
    return hits[index]
  }

  function isOut(path: string): boolean {
    const above = folderOf(path)
    let matched = false
    for (const [index, { pattern, negated }] of rules.entries()) {
      if (negated !== matched) continue
      if (pattern.matches(path) || (above !== '' && reaches(index, above))) matched = !negated
    }
    return matched
  }

  return { ...asked, matches: (path) => asked.matches(path) || (path !== '' && path !== '.' && isOut(path)) }
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
