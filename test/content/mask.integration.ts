import { expect, test } from 'vitest'
import { createLines } from '../../src/content/lines.ts'
import { maskFor } from '../../src/content/mask.ts'

test('secrets that overlap for ever are cut at last', () => {
  const mask = maskFor([Buffer.from('aaaaaaaa')])
  let longest = 0
  const lines = createLines((line) => (longest = Math.max(longest, line.length)), mask.cut)
  for (let n = 0; n < 200; n += 1) lines.push('a'.repeat(64 << 10))
  lines.end()
  expect(longest).toBeGreaterThan(0)
  expect(longest).toBeLessThan(5 << 20)
})

test('ten thousand lines of a secret cost no more than one', () => {
  const lines = Array.from({ length: 10_000 }, (_, n) => `${n} is the number of a line`)
  const mask = maskFor([Buffer.from(lines.join('\n'))]).text
  expect(lines.map((line) => mask(`> ${line}!`))).toEqual(lines.map(() => '> ***!'))
})
