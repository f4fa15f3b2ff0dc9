import { parseIgnore } from '../../dockerfile/ignore.ts'
import type { Filter } from './select.ts'

/** A filter of `.dockerignore` lines and `--exclude` patterns. */
export function filterFor(ignoreLines: readonly string[], excludes: readonly string[]): Filter {
  const matchers = [ignoreLines, excludes].filter((lines) => lines.length > 0).map((lines) => parseIgnore(lines.join('\n'), { file: '.dockerignore' }))
  if (matchers.length === 0) return { ignored: () => false, prune: () => false }
  return {
    ignored: (path) => matchers.some((matcher) => matcher.matches(path)),
    prune: (path) => matchers.some((matcher) => matcher.canPrune(path)),
  }
}
