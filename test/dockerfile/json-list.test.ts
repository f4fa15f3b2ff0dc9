import { expect, test } from 'vitest'
import { parseJsonList } from '../../src/dockerfile/split.ts'

test('half of a surrogate pair in a list is the replacement character, as for BuildKit, and never a byte of a name', () => {
  expect(parseJsonList('["caf\\udce9", "\\udcc3\\udca9/", "\\ud800x"]')).toEqual([
    'caf\ufffd',
    '\ufffd\ufffd/',
    '\ufffdx',
  ])
  expect(parseJsonList('["\\ud83d\\ude00", "caf\\u00e9"]')).toEqual(['😀', 'café'])
})
