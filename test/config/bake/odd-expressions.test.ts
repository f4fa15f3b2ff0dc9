import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { valueOf } from './evaluate.ts'

const golden: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'odd-expressions.golden.json'), 'utf8'),
)

test('expressions with odd values have the values of docker buildx, as JSON, or are errors there, too', () => {
  const ours = Object.keys(golden).map((each) => [each, valueOf(`try(jsonencode(${each}), "!ERR")`)])
  expect(Object.fromEntries(ours)).toEqual(golden)
  expect(ours.length).toBeGreaterThan(700)
})

test.each([
  ['"\\ud83d\\ude00"', 'is no escape'],
  ['sort(["a", null])', 'an element of the list is null'],
])('%s is refused', (expression, message) => expect(() => valueOf(expression)).toThrow(message))
