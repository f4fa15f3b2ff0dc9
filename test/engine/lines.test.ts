import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onLines } from '../../src/engine/worker/lines.ts'

async function linesOf(chunks: readonly (string | Buffer)[]): Promise<string[]> {
  const stream = new PassThrough()
  const lines: string[] = []
  onLines(stream, (found) => {
    lines.push(...found)
    return undefined
  })
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  await finished(stream)
  return lines
}

test.each<[string[], string[]]>([
  [[], []],
  [['a\nb\n'], ['a', 'b']],
  [['a\nb'], ['a', 'b']],
  [
    ['a', 'b\nc'],
    ['ab', 'c'],
  ],
  [['\n\n'], ['', '']],
  [['a\r\nb\r'], ['a', 'b']],
  [['50%\r100%\n'], ['50%\r100%']],
  [
    ['a\r', '\nb'],
    ['a', 'b'],
  ],
])('%j is %j', async (chunks, lines) => {
  expect(await linesOf(chunks)).toEqual(lines)
})

test('characters that are split between chunks come together again', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\r\n]/g, '')),
        { maxLength: 8 },
      ),
      fc.integer({ min: 1, max: 5 }),
      async (lines, size) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        )
        expect(await linesOf(chunks)).toEqual(lines.map((line) => Buffer.from(line).toString()))
      },
    ),
    { numRuns: 50 },
  )
})

test('a character that is cut off at the end shows as such', async () => {
  expect(await linesOf([Buffer.from('né').subarray(0, 2)])).toEqual(['n\ufffd'])
})

test('a line without end is handed on in pieces, none of which breaks a character', async () => {
  for (const [text, chunk] of [
    ['x'.repeat(100_000), 1000],
    [`x${'🎉'.repeat(40_000)}`, 7000],
    [`${'y'.repeat(50_000)}\nend`, 100_000],
  ] as const) {
    const bytes = Buffer.from(text)
    const lines = await linesOf(
      Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, i) => bytes.subarray(i * chunk, (i + 1) * chunk)),
    )
    expect(lines.join('')).toBe(text.replace('\n', ''))
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(1 << 14)
    for (const line of lines) expect(line).not.toMatch(/\p{Surrogate}/u)
  }
})

test('nothing is read on while lines wait to be handed over', async () => {
  const stream = new PassThrough()
  const taken: (readonly string[])[] = []
  const gates: (() => void)[] = []
  onLines(stream, (lines) => {
    taken.push(lines)
    return new Promise((resolve) => gates.push(resolve))
  })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  for (const chunk of ['a\nb\n', 'c\n', 'd\n']) stream.write(chunk)
  stream.end('e')
  for (const expected of [[['a', 'b']], [['a', 'b'], ['c']], [['a', 'b'], ['c'], ['d']]]) {
    await settled()
    expect(taken).toEqual(expected)
    gates.at(-1)!()
  }
  await finished(stream)
  await settled()
  expect(taken.flat()).toEqual(['a', 'b', 'c', 'd', 'e'])
})
