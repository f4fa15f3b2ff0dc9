import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { excludeMatcher, parseIgnore, type IgnoreMatcher } from '../../src/dockerfile/ignore.ts'

/** What a list of patterns does to the paths: which it leaves out, or that it cannot be read or compared. */
type Answer = readonly string[] | 'malformed' | 'broken'

/**
 * Answers of moby/patternmatcher 5a6d842 itself, asked folder by folder as BuildKit asks it for `--exclude`; `asFile`
 * where the same lines of a .dockerignore mean something else: a path is out, too, when it is by the manual's rule.
 */
const { paths, lists } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/patterns/patternmatcher.json'), 'utf8'),
) as { paths: string[]; lists: { patterns: string[]; matched: Answer; asFile?: Answer }[] }

test.each(lists)('$patterns', ({ patterns, matched, asFile = matched }) => {
  expect(answer(() => excludeMatcher(patterns))).toEqual(matched)
  expect(answer(() => parseIgnore(patterns.join('\n'), { file: '.dockerignore' }))).toEqual(asFile)
})

function answer(parse: () => IgnoreMatcher): Answer {
  let matcher: IgnoreMatcher
  try {
    matcher = parse()
  } catch {
    return 'malformed'
  }
  try {
    return paths.filter(matcher.matches)
  } catch {
    return 'broken'
  }
}
