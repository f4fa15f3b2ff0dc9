import { expect, test } from 'vitest'
import { suggest, suggestionHint } from '../src/did-you-mean.ts'

test.each([
  ['FORM', 'FROM'],
  ['RNU', 'RUN'],
  ['CPOY', 'COPY'],
  ['COPPY', 'COPY'],
  ['entripoint', 'ENTRYPOINT'],
  ['R', undefined],
  ['', undefined],
  ['COMPLETELY', undefined],
  ['x'.repeat(1_000_000), undefined],
])('%s', (word, expected) => {
  expect(suggest(word, ['FROM', 'COPY', 'RUN', 'ENTRYPOINT'])).toBe(expected)
})

test('the nearest wins, and a hint falls back', () => {
  expect(suggest('buld', ['bold2', 'build'])).toBe('build')
  expect(suggestionHint('buld', ['build'])).toBe('Did you mean "build"')
  expect(suggestionHint('x', ['build'], 'Use one of build')).toBe('Use one of build')
})
