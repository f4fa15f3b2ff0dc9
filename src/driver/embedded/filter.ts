import { parseIgnore } from '../../dockerfile/ignore.ts'
import type { Filter } from './select.ts'

/** A filter of `.dockerignore` lines, whose paths start at the root, and `--exclude` patterns, whose paths start at the copied folder. */
export function filterFor(ignoreLines: readonly string[], excludes: readonly string[]): Filter {
  const [ignore, exclude] = [ignoreLines, excludes].map((lines) => (lines.length > 0 ? parseIgnore(lines.join('\n'), { file: '.dockerignore' }) : undefined))
  return {
    ignored: (path, below) => ignore?.matches(path) === true || (below !== '' && exclude?.matches(below) === true),
    prune: (path, below) => ignore?.canPrune(path) === true || (below !== '' && exclude?.canPrune(below) === true),
  }
}
