import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ignoreMatcher, parseIgnore } from '../../src/dockerfile/ignore.ts'
import { compileIgnorePattern } from '../../src/dockerfile/ignore-pattern.ts'

test.each([
  ['**.log', ['a.log', 'd/a.log', 'd/e/.log', '.log'], ['a.log2', 'd/alog']],
  ['**file', ['file', 'myfile', 'd/file', 'd/myfile'], ['files']],
  ['**.env', ['.env', 'prod.env', 'a/b/.env'], ['.env.sample']],
  ['**e/g', ['e/g', 'd/e/g', 'd/xe/g'], ['g', 'e/g2']],
  ['**é.pem', ['é.pem', 'd/xé.pem'], ['e.pem']],
  // Only plain text makes it the end of a path; with anything else it is whole folders
  ['**a?', ['ab', 'd/ab'], ['xab', 'd/xab']],
  ['**a*', ['a1', 'd/a1'], ['ba1']],
  ['**[a]', ['a', 'd/a'], ['xa']],
  ['**\\.log', ['.log', 'd/.log'], ['a.log']],
  ['**a**', ['a1', 'd/a/x'], ['ba1']],
  ['**/a', ['a', 'd/a'], ['xa', 'd/xa']],
  ['d**.log', ['d.log', 'dx/.log'], ['d/a.log', 'dx.log']],
  ['d/**', ['d/a', 'd/e/f'], ['d', 'da']],
  ['d**', ['d', 'da', 'd/a'], ['ed']],
])('%s leaves out what it should', (pattern, hits, misses) => {
  const { matches } = compileIgnorePattern(pattern)
  expect([...hits, ...misses].filter(matches)).toEqual(hits)
})

test('a suffix pattern leaves out, and brings back, at any depth', () => {
  const ignored = parseIgnore('./**.pyc\n*\n!**.log\n', { file: '.dockerignore' })
  expect(['x.pyc', 'd/x.pyc', 'a', 'a.log', 'd/e/a.log'].filter(ignored.matches)).toEqual(['x.pyc', 'd/x.pyc', 'a'])
  expect(ignored.canPrune('d')).toBe(false)
})

test('every pattern matches what its regular expression does', () => {
  fc.assert(
    fc.property(pattern, fc.array(path, { minLength: 1, maxLength: 20 }), (text, paths) => {
      const expected = oracle(text)
      const { matches } = compileIgnorePattern(text)
      expect(paths.filter(matches)).toEqual(paths.filter(expected))
    }),
    { numRuns: 3000 },
  )
})

test('a folder is pruned only when nothing below it is brought back', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), fc.array(path, { minLength: 1, maxLength: 20 }), (rules, paths) => {
      const { matches, canPrune } = ignoreMatcher(rules)
      for (const one of paths.filter((kept) => !matches(kept)))
        for (let at = one.indexOf('/'); at > 0; at = one.indexOf('/', at + 1))
          expect(canPrune(one.slice(0, at)), `${rules.join(' ')} prunes ${one}`).toBe(false)
    }),
    { numRuns: 3000 },
  )
})

const piece = fc.constantFrom('**', '**', '*', '?', '/', '/', 'a', 'b', '.', '[ab]', '[^a]', '\\.', '\\*', ']', 'é')
const pattern = fc
  .array(piece, { minLength: 1, maxLength: 7 })
  .map((pieces) => pieces.join(''))
  .filter((text) => !/^\/|\/$|\/\/|(^|\/)\.+(\/|$)/.test(text))
const rule = fc.tuple(fc.boolean(), pattern).map(([negated, text]) => (negated ? `!${text}` : text))
const path = fc
  .array(fc.array(fc.constantFrom('a', 'b', '.', 'é', '*', ']'), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((names) => names.map((name) => name.join('')).join('/'))

/**
 * The rules of `.dockerignore` written down as regular expressions: a pattern that begins with `**` and has no other
 * special character is the end of a path, one that ends so is its start, any other is translated piece by piece.
 */
function oracle(text: string): (path: string) => boolean {
  const special = /[*?[\]\\]/
  const rest = text.slice(2)
  if (text.startsWith('**') && !special.test(rest))
    return (one) => one.endsWith(rest) || (rest.startsWith('/') && one === rest.slice(1))
  if (text.endsWith('**') && !special.test(text.slice(0, -2))) return (one) => one.startsWith(text.slice(0, -2))
  const source = text.replace(/\*\*\/?$|\*\*\/?|\*|\?|\[[^\]]+\]|\\.|./gsu, (found, at: number) => {
    if (found.startsWith('**')) return at + found.length === text.length ? '.*' : '(?:.*/)?'
    if (found === '*') return '[^/]*'
    if (found === '?') return '[^/]'
    if (found.length > 1 && found.startsWith('[')) return found
    return `\\u{${(found.startsWith('\\') ? found.slice(1) : found).codePointAt(0)!.toString(16)}}`
  })
  const compiled = new RegExp(`^${source}$`, 'su')
  return (one) => compiled.test(one)
}
