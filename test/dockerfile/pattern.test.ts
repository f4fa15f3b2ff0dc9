import { expect, test } from 'vitest'
import { compileIgnorePattern } from '../../src/dockerfile/ignore-pattern.ts'
import { hasWildcard, matchPattern } from '../../src/dockerfile/pattern.ts'

test.each([
  ['abc', 'abc', true],
  ['abc', 'abcd', false],
  ['', '', true],
  ['*', 'abc', true],
  ['*', '', true],
  ['*', 'a/b', false],
  ['*c', 'abc', true],
  ['a*', 'ab/c', false],
  ['a*/b', 'abc/b', true],
  ['a*/b', 'a/c/b', false],
  ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzy', false],
  ['?', 'a', true],
  ['?', '/', false],
  ['?', '', false],
  ['a?b', 'a☺b', true],
  ['a???b', 'a☺b', false],
  ['?', '😀', true],
  ['[a-c]x', 'bx', true],
  ['[^a-c]x', 'bx', false],
  ['[^a-c]x', 'dx', true],
  ['[^a]', '/', true],
  ['a[^b]c', 'a/c', true],
  ['[a-ζ]*', 'α', true],
  ['*[a-ζ]', 'A', false],
  ['[\\]a]', ']', true],
  ['[\\-]', '-', true],
  ['[x\\-]', '-', true],
  ['[\\-x]', 'z', false],
  ['[c-a]', 'b', false],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'axb', false],
  ['a\\b', 'ab', true],
  ['**', 'abc', true],
  ['**', 'a/b', false],
])('%s on %s: %s', (pattern, path, expected) => {
  expect(matchPattern(pattern, path)).toBe(expected)
})

test.each(['[', '[]', '[]a]', '[a', '[^', '[a-', '[-x]', '[x-]', '[a-b-c]', 'a\\', '[\\'])(
  '%s is malformed',
  (pattern) => {
    expect(() => matchPattern(pattern, 'x')).toThrow(expect.objectContaining({ code: 'BAD_DOCKERFILE' }))
  },
)

test.each([
  ['a/b.txt', false],
  ['*.txt', true],
  ['a?', true],
  ['[a]', true],
  ['a\\*', false],
  ['a\\\\*', true],
])('%s has a wildcard: %s', (pattern, expected) => {
  expect(hasWildcard(pattern)).toBe(expected)
})

test.each([
  ['**/a', 'x/y', true],
  ['b/*/c', 'b/', true],
  ['b/*/c', 'c/', false],
  ['b/keep', 'b/', true],
  ['b/keep', 'b/other/', false],
])('%s could match below %s: %s', (pattern, start, expected) => {
  expect(compileIgnorePattern(pattern).canContinue(start)).toBe(expected)
})
