import { describe, expect, test } from 'vitest'
import { ignoreMatcher, parseIgnore } from '../../src/dockerfile/ignore.ts'

const matcher = (text: string) => parseIgnore(text, { file: '.dockerignore' })

test.each([
  // literals and parents
  ['node_modules', 'node_modules', true],
  ['node_modules', 'node_modules/a/b', true],
  ['node_modules', 'src/node_modules', false],
  ['/docs', 'docs/x', true],
  ['./docs/', 'docs/x', true],
  ['a/../docs', 'docs', true],
  ['docs//x', 'docs/x', true],
  ['docs', 'docs2', false],
  ['.', 'a', false],
  ['/', 'a', false],
  // stars
  ['*', 'a/b', true],
  ['*.log', 'x.log', true],
  ['*.log', 'a/x.log', false],
  ['*/*.log', 'a/x.log', true],
  ['*/temp*', 'a/temporary/x', true],
  ['temp?', 'tempa', true],
  ['temp?', 'temp', false],
  ['*/', 'a/b', true],
  // two stars
  ['**', 'a/b/c', true],
  ['**/*.log', 'x.log', true],
  ['**/*.log', 'a/b/x.log', true],
  ['**/x', 'yx', false],
  ['**/x', 'a/x/b', true],
  ['a/**', 'a/b', true],
  ['a/**', 'a', false],
  ['a/**/b', 'a/b', true],
  ['a/**/b', 'a/x/y/b', true],
  ['a/**/b', 'ab', false],
  ['**/**/b', 'x/y/b', true],
  ['a**/b', 'a/b', true],
  ['a**/b', 'ab', true],
  ['a**/b', 'ax/b', true],
  ['**a', 'xa', true],
  ['**a', 'x/a', true],
  ['**.log', 'x/.log', true],
  // classes and escapes
  ['[a-c].txt', 'b.txt', true],
  ['[^a-c].txt', 'b.txt', false],
  ['a\\*', 'a*', true],
  ['a\\*', 'ab', false],
  ['a.c', 'abc', false],
  ['a+(b)$^|{c}', 'a+(b)$^|{c}', true],
  // lines
  ['# comment\nx', 'x', true],
  [' #x', '#x', true],
  ['  padded\t ', 'padded', true],
  ['a b', 'a b', true],
  ['x\r\ny\r\n', 'x', true],
  ['x\r\ny\r\n', 'y', true],
  ['\ufeffx', 'x', true],
  ['\n\n', 'x', false],
  // exceptions: the last match counts
  ['*\n!keep', 'keep', false],
  ['*\n!keep', 'keep/below', false],
  ['*\n!keep', 'other', true],
  ['!keep\n*', 'keep', true],
  ['*.md\n!README*.md\nREADME-secret.md', 'README.md', false],
  ['*.md\n!README*.md\nREADME-secret.md', 'README-secret.md', true],
  ['docs\n!docs/keep.md', 'docs/keep.md', false],
  ['docs\n!docs/keep.md', 'docs/other.md', true],
  ['**\n!**/*.c', 'a/b/x.c', false],
  ['*\n! spaced ', 'spaced', false],
  ['a\n!a/b\na/b/c', 'a/b/d', false],
  ['a\n!a/b\na/b/c', 'a/b/c', true],
  ['*.d\n!x.d/y\nx.d', 'x.d/y', true],
  ['*.d\n!x.d/y\nx.d', 'x.d/z', true],
  ['**/x\n!a', 'a/x', true],
])('%j on %s: %s', (text, path, expected) => {
  expect(matcher(text).matches(path)).toBe(expected)
})

describe('pruning', () => {
  test.each([
    ['node_modules', 'node_modules', true],
    ['node_modules', 'src', false],
    ['node_modules', 'node_modules/a', true],
    ['*\n!src', 'node_modules', true],
    ['*\n!src', 'src', false],
    ['*\n!a/b/c', 'a', false],
    ['*\n!a/b/c', 'a/b', false],
    ['*\n!a/b/c', 'a/x', true],
    ['*\n!**/keep', 'x', false],
    ['!**/keep\n*', 'x', true],
    ['*\n!*/keep', 'x', false],
    ['*\n!*/keep', 'x/y', true],
    // The last rule is not asked at x.d, which is out already: it hits nothing below
    ['*.d\n!x.d/y\nx.d', 'x.d', false],
  ])('%j, folder %s: %s', (text, folder, expected) => {
    expect(matcher(text).canPrune(folder)).toBe(expected)
  })
})

test('a malformed pattern is an error with its line', () => {
  expect(() => matcher('ok\n\n[broken\n')).toThrow(
    expect.objectContaining({
      code: 'BAD_DOCKERFILE',
      message: 'Cannot use pattern "[broken": "[" has no "]"',
      at: { file: '.dockerignore', line: 3 },
    }),
  )
  expect(() => matcher('!\n')).toThrow(expect.objectContaining({ at: { file: '.dockerignore', line: 1 } }))
})

test('patterns of --exclude need no file', () => {
  const excludes = ignoreMatcher(['*.log', '!keep.log'])
  expect(['a.log', 'keep.log', 'a.txt'].map(excludes.matches)).toEqual([true, false, false])
})
