import { cleanPath } from '../../../dockerfile/paths.ts'
import { ignoreMatcher } from '../../../dockerfile/ignore.ts'
import { compileIgnorePattern } from '../../../dockerfile/ignore-pattern.ts'

/** What of a tree is sent. Paths are relative, with `/`. */
export interface TreeFilter {
  /** Whether the entry itself is sent. */
  takes(path: string): boolean
  /** Whether something below a folder may be sent. */
  mayHold(dir: string): boolean
}

/**
 * Patterns as a daemon sends them: of .dockerignore's language. Nothing included means everything is. What is `kept`
 * back is not sent, whatever the daemon includes, but for the file that says so. Throws BAD_DOCKERFILE.
 */
export function treeFilter({
  include,
  exclude,
  kept = [],
}: {
  include: readonly string[]
  exclude: readonly string[]
  kept?: readonly string[]
}): TreeFilter {
  const wanted =
    include.length === 0 || include.some((pattern) => cleanPath(pattern) === '.') ? undefined : includeFilter(include)
  const left = ignoreMatcher(exclude)
  const own = isSame(kept, exclude) ? undefined : ignoreMatcher(kept)
  return {
    takes: (path) =>
      (wanted?.takes(path) ?? true) && !left.matches(path) && (path === IGNORE_FILE || !own?.matches(path)),
    mayHold: (dir) => (wanted?.mayHold(dir) ?? true) && !left.canPrune(dir) && !own?.canPrune(dir),
  }
}

/** The file of the patterns at the top of a folder: daemons ask for it by name. */
export const IGNORE_FILE = '.dockerignore'

/** Daemons send back what they were told: of a large folder, asking twice would be felt. */
function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((pattern, at) => pattern === other[at])
}

function includeFilter(patterns: readonly string[]): TreeFilter {
  const matcher = ignoreMatcher(patterns)
  const compiled = patterns
    .filter((pattern) => !pattern.trim().startsWith('!'))
    .map((pattern) => compileIgnorePattern(withoutSlash(cleanPath(pattern.trim()))))
  return {
    takes: (path) => matcher.matches(path),
    mayHold: (dir) => matcher.matches(dir) || compiled.some((pattern) => pattern.canContinue(`${dir}/`)),
  }
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.startsWith('/') ? path.slice(1) : path
}
