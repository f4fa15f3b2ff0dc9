import type { Diagnostic } from '../errors.ts'
import { suggestionHint } from '../did-you-mean.ts'
import { shorten } from './flags.ts'
import type { Dockerfile } from './types.ts'

/** A warning for each name of `--no-cache-filter` that no stage has: nothing would be built anew for it. */
export function checkCacheFilter({ file, stages }: Dockerfile, names: readonly string[]): Diagnostic[] {
  const known = stages.flatMap(({ name }) => name ?? [])
  const unknown = [...new Set(names)].filter((name) => !known.includes(name.toLowerCase()))
  return unknown.map((name) => ({
    rule: 'unknown-cache-filter',
    severity: 'warning',
    message: `--no-cache-filter "${shorten(name)}" has no effect: no stage has that name`,
    hint: suggestionHint(name.toLowerCase(), known, 'Use the name that a FROM gives with AS'),
    at: { file, line: stages[0]?.from.at.line ?? 1 },
  }))
}
