import { expect, test } from 'vitest'
import { formatMap, identityMap, rootlessMap, subordinateRanges } from '../../src/emulation/id-map.ts'

test.each([
  ['         0          0 4294967295\n', '0 0 4294967295\n'],
  ['         0       1000          1\n         1     100000      65536\n', '0 0 1\n1 1 65536\n'],
])('an identity map keeps exactly the ids there are', (text, expected) => {
  expect(formatMap(identityMap(text))).toBe(expected)
})

test('a rootless map puts the user at 0 and all ranges behind it', () => {
  expect(
    formatMap(
      rootlessMap(1000, [
        { start: 100000, count: 65536 },
        { start: 300000, count: 10 },
      ]),
    ),
  ).toBe('0 1000 1\n1 100000 65536\n65537 300000 10\n')
})

test.each([
  [
    'the same range',
    [
      [5000, 100],
      [5000, 100],
    ],
    '0 1000 1\n1 5000 100\n',
  ],
  [
    'a range that overlaps',
    [
      [5000, 100],
      [5050, 100],
    ],
    '0 1000 1\n1 5000 100\n101 5100 50\n',
  ],
  [
    'a range around another',
    [
      [5000, 10],
      [4990, 30],
    ],
    '0 1000 1\n1 5000 10\n11 4990 10\n21 5010 10\n',
  ],
  ['the own id', [[900, 200]], '0 1000 1\n1 900 100\n101 1001 99\n'],
  ['numbers that are no ids', [[300000, 99999999999]], '0 1000 1\n1 300000 4294667295\n'],
  ['nothing else', [[4294967295, 5]], '0 1000 1\n'],
] as const)('a rootless map has no id twice: %s', (_, ranges, expected) => {
  const spans = ranges.map(([start, count]) => ({ start, count }))
  expect(formatMap(rootlessMap(1000, spans))).toBe(expected)
})

test.each([
  ['by name', 'ann:100000:65536\n', [{ start: 100000, count: 65536 }]],
  ['by number', '1000:5:6\n', [{ start: 5, count: 6 }]],
  ['of others', 'bob:100000:65536\nanna:1:2\n', []],
  [
    'two',
    '# note\n\nann:1:2\nann:3:4',
    [
      { start: 1, count: 2 },
      { start: 3, count: 4 },
    ],
  ],
  ['broken', 'ann\nann:x:1\nann:1\nann:-5:10\nann:0:10\nann:1:0\n', []],
])('subordinate ranges %s', (_, text, expected) => {
  expect(subordinateRanges(text, { name: 'ann', uid: 1000 })).toEqual(expected)
})
