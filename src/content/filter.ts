import { excludeMatcher, ignoreMatcher, parseIgnore } from '../dockerfile/ignore.ts'
import { compileIgnorePattern } from '../dockerfile/ignore-pattern.ts'

/**
 * Which paths are left out, `path` relative to the root, `below` to the source (empty for itself). `prune` says that
 * nothing below a folder can be wanted.
 */
export interface Filter {
  ignored(path: string, below: string): boolean
  prune(path: string, below: string): boolean
  /** Whether the patterns of the COPY itself leave it out. */
  skips(below: string): boolean
}

/**
 * A filter of `.dockerignore` lines, whose paths start at the root, and `--exclude` patterns, whose paths start at
 * the copied folder.
 */
export function filterFor(ignoreLines: readonly string[], excludes: readonly string[]): Filter {
  const ignore = ignoreLines.length > 0 ? parseIgnore(ignoreLines.join('\n'), { file: '.dockerignore' }) : undefined
  const exclude = excludes.length > 0 ? excludeMatcher(excludes) : undefined
  const skips = (below: string) => below !== '' && exclude?.matches(below) === true
  return {
    skips,
    ignored: (path, below) => ignore?.matches(path) === true || skips(below),
    prune: (path, below) => ignore?.canPrune(path) === true || (below !== '' && exclude?.canPrune(below) === true),
  }
}

/**
 * A filter that besides leaves out what `pattern`, whose paths start at the copied folder, does not match: `COPY
 * --parents`.
 */
export function onlyMatching(pattern: string, filter: Filter): Filter {
  const wanted = ignoreMatcher([pattern])
  const { canContinue } = compileIgnorePattern(pattern)
  const isOut = (below: string) => below !== '' && !wanted.matches(below)
  return {
    skips: (below) => isOut(below) || filter.skips(below),
    ignored: (path, below) => isOut(below) || filter.ignored(path, below),
    prune: (path, below) => (isOut(below) && !canContinue(`${below}/`)) || filter.prune(path, below),
  }
}
