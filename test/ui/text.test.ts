import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  cleanLine,
  cleanText,
  count,
  createPaint,
  cut,
  formatBytes,
  formatDuration,
  wantsColor,
} from '../../src/ui/text.ts'

test.each([
  [0, '0.0s'],
  [149, '0.1s'],
  [1250, '1.3s'],
  [59_940, '59.9s'],
  [59_960, '1m 00s'],
  [125_000, '2m 05s'],
  [3_599_700, '1h 00m'],
  [7_500_000, '2h 05m'],
  [-5, '0.0s'],
])('%i ms is %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [999_960, '1.0 MB'],
  [12_345_678, '12.3 MB'],
  [5e9, '5.0 GB'],
  [7e12, '7.0 TB'],
])('%i bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

describe('cleanLine', () => {
  test.each([
    ['plain', 'plain'],
    ['\x1b[31mred\x1b[0m', 'red'],
    ['\x1b[2J\x1b[1;1Hx', 'x'],
    ['\x1b]8;;http://x\x07link\x1b]8;;\x07', 'link'],
    ['\x9b2Jx', 'x'],
    ['a\x00b\x08c\x7f', 'abc'],
    ['a\tb', 'a    b'],
    ['10%\r50%\r100%', '100%'],
    ['done\r', 'done'],
    ['a\u202eb\u2066c\u200f', 'abc'],
    ['line\u2028separator', 'lineseparator'],
    ['日本語 ✔', '日本語 ✔'],
  ])('%j', (text, clean) => {
    expect(cleanLine(text)).toBe(clean)
  })

  test('long lines are cut, whatever their length', () => {
    expect(cleanLine('x'.repeat(3000))).toHaveLength(2000)
    expect(cleanLine('x'.repeat(10_000_000), 50)).toBe(`${'x'.repeat(49)}…`)
  })

  test('nothing that moves a cursor comes through', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('\x1b', '[', '2J', ']', '\x9b', '\x07', 'a', '\r', '\n', '\x90', ';', '\u202e')),
        (parts) => {
          expect(cleanLine(parts.join(''))).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
        },
      ),
    )
  })
})

test('cleanText keeps lines', () => {
  expect(cleanText('a\x1b[1m\nb\x07')).toBe('a\nb')
})

test.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'ab…'],
  ['a😀b', 3, 'a…'],
  ['abc', 0, '…'],
])('cut(%j, %i)', (text, limit, result) => {
  expect(cut(text, limit)).toBe(result)
})

test('count', () => {
  expect([0, 1, 2].map((n) => count(n, 'step'))).toEqual(['0 steps', '1 step', '2 steps'])
})

test.each([
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { TERM: 'dumb' }, false],
])('colour for a terminal (%s) with %j: %s', (isTTY, env, wanted) => {
  expect(wantsColor(isTTY, env)).toBe(wanted)
})

test('paint', () => {
  expect(createPaint(true)('red', 'x')).toBe('\x1b[31mx\x1b[39m')
  expect(createPaint(true)('bold', 'x')).toBe('\x1b[1mx\x1b[22m')
  expect(createPaint(false)('red', 'x')).toBe('x')
})
