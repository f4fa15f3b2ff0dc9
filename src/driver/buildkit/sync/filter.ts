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
 * Patterns as a daemon sends them: of .dockerignore's language. Nothing included means everything is. Throws
 * BAD_DOCKERFILE.
 */
export function treeFilter({
  include,
  exclude,
}: {
  include: readonly string[]
  exclude: readonly string[]
}): TreeFilter {
  const wanted =
    include.length === 0 || include.some((pattern) => cleanPath(pattern) === '.') ? undefined : includeFilter(include)
  const left = ignoreMatcher(exclude)
  return {
    takes: (path) => (wanted?.takes(path) ?? true) && !left.matches(path),
    mayHold: (dir) => (wanted?.mayHold(dir) ?? true) && !left.canPrune(dir),
  }
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
