import { XbuildError } from '../errors.ts'
import { cleanPath } from './paths.ts'
import { compilePattern, type Pattern } from './pattern.ts'

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
  return matcherOf(rules)
}

/** A matcher of patterns that come from somewhere else than a file. */
export function ignoreMatcher(patterns: readonly string[]): IgnoreMatcher {
  return matcherOf(patterns.flatMap((pattern) => parsePattern(pattern) ?? []))
}

/** A matcher of `COPY --exclude`: paths are relative there, and one that begins with a slash matches nothing. */
export function excludeMatcher(patterns: readonly string[]): IgnoreMatcher {
  return matcherOf(patterns.flatMap((pattern) => parsePattern(pattern, { slashStays: true }) ?? []))
}

function parseLine(line: string, at: { file: string; line: number }): Rule | undefined {
  if (line.startsWith('#')) return undefined
  try {
    return parsePattern(line)
  } catch (cause) {
    if (!(cause instanceof XbuildError)) throw cause
    throw new XbuildError(cause.code, cause.message, {
      at,
      cause,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    })
  }
}

function parsePattern(text: string, { slashStays = false } = {}): Rule | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  const negated = trimmed.startsWith('!')
  const written = negated ? trimmed.slice(1).trim() : trimmed
  if (written === '') {
    throw new XbuildError('BAD_DOCKERFILE', 'Cannot use pattern "!": it names nothing', {
      hint: 'Write a path after the exclamation mark',
    })
  }
  const clean = cleanPath(written)
  return {
    pattern: compilePattern(!slashStays && clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean, {
      folders: true,
    }),
    negated,
  }
}

function matcherOf(rules: readonly Rule[]): IgnoreMatcher {
  // For each folder, which rules match it or a folder above it: asked once per folder, not once per file.
  const folders = new Map<string, readonly boolean[]>([['', rules.map(() => false)]])

  function hitsOfFolder(folder: string): readonly boolean[] {
    const missing: string[] = []
    let known = folder
    while (!folders.has(known)) {
      missing.push(known)
      known = folderOf(known)
    }
    let hits = folders.get(known)!
    for (let path = missing.pop(); path !== undefined; path = missing.pop()) {
      const [name, above] = [path, hits]
      hits = rules.map(({ pattern }, index) => above[index]! || pattern.matches(name))
      folders.set(name, hits)
    }
    return hits
  }

  function lastHit(path: string): number {
    if (rules.length === 0 || path === '' || path === '.') return -1
    const above = hitsOfFolder(folderOf(path))
    return rules.findLastIndex(({ pattern }, index) => above[index]! || pattern.matches(path))
  }

  function matches(path: string): boolean {
    const rule = rules[lastHit(path)]
    return rule !== undefined && !rule.negated
  }

  function canPrune(dir: string): boolean {
    const last = lastHit(dir)
    if (rules[last]?.negated !== false) return false
    // Everything below the folder matches `last` too: only a later `!` could bring it back.
    return !rules.some(({ negated, pattern }, index) => index > last && negated && pattern.canContinue(`${dir}/`))
  }

  return { matches, canPrune }
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
