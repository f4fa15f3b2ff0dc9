import { expect, test } from 'vitest'
import { withTexts } from '../../../src/emulation/packs/guest.ts'

/** As the compiler leaves it: each text with room behind it. */
function library(): Buffer {
  const file = Buffer.alloc(2000, 'x')
  for (const [index, text] of ['@program@', '@libraries@', '@machine@', '@calls@'].entries()) {
    file.fill(0, 100 + 256 * index, 100 + 256 * (index + 1))
    file.write(text, 100 + 256 * index)
  }
  return file
}

test('the library of a twin is told its program, the folder of its libraries and its machine, and nothing else changes', () => {
  const made = withTexts(library(), ['/usr/bin/perl', '/usr/lib/aarch64-linux-gnu/', 'aarch64', 'own'])
  const text = (at: number) => made.toString('latin1', at, made.indexOf(0, at))
  expect([100, 356, 612, 868].map(text)).toEqual(['/usr/bin/perl', '/usr/lib/aarch64-linux-gnu/', 'aarch64', 'own'])
  expect(made.subarray(1124).equals(library().subarray(1124))).toBe(true)
})

test('a text that has no room, or no place, is refused', () => {
  expect(() => withTexts(library(), ['x'.repeat(256)])).toThrow('no room')
  expect(() => withTexts(Buffer.alloc(10), ['/usr/bin/perl'])).toThrow('no room')
})
