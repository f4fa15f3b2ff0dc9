import { expect, test } from 'vitest'
import { commandsIn, plain } from '../../../src/dockerfile/suggest/shell.ts'

/** Programs with their arguments; what stands in `$(...)` has a mark. */
const read = (text: string) =>
  commandsIn(text)?.map(
    ({ assignments, words, nested }) => `${nested ? '$ ' : ''}${[...assignments, ...words].map(plain).join(' ')}`,
  )

test.each([
  ['a b && c || d; e | f & g', ['a b', 'c', 'd', 'e', 'f', 'g']],
  ['A=1 B="x y" make CC=gcc', ['A=1 B=x y make CC=gcc']],
  ['if [ -f x ]; then a; else b; fi', ['[ -f x ]', 'a', 'b']],
  ['for i in a b; do run $i; done; after', ['run $i', 'after']],
  ['while read x; do y; done', ['read x', 'y']],
  ['case $X in a|b) one x;; *) two ;; esac && three', ['one x', 'two', 'three']],
  [
    'echo $(git rev-parse $(pwd)) `date`',
    ['$ pwd', '$ git rev-parse $(pwd)', '$ date', 'echo $(git rev-parse $(pwd)) `date`'],
  ],
  ['echo $((1 + 2)) ${A:-x}', ['echo $((1 + 2)) ${A:-x}']],
  ['a >out 2>&1 <in && b >>x', ['a', 'b']],
  ['(cd /x; make) # make && rest', ['cd /x', 'make']],
  ['echo \'a && b\' "c; d" e\\;f', ['echo a && b c; d e;f']],
  ['a \\\n  b\nc', ['a b', 'c']],
  ['{ a; } && ! b', ['a', 'b']],
  ['A=$(uname -m)', ['$ uname -m', 'A=$(uname -m)']],
  ['', []],
])('%j', (text, commands) => {
  expect(read(text)).toEqual(commands)
})

test.each([
  "echo 'open",
  'echo "open',
  'f() { go; }',
  'function f { go; }',
  'echo $(a',
  'echo `a',
  'case x in a b',
  `${'$('.repeat(30)}${')'.repeat(30)}`,
])('%j cannot be followed', (text) => {
  expect(read(text)).toBeUndefined()
})

test('words know where they stand', () => {
  const text = 'make -C x && go build'
  expect(commandsIn(text)!.map(({ words }) => words.map(({ start, end }) => text.slice(start, end)))).toEqual([
    ['make', '-C', 'x'],
    ['go', 'build'],
  ])
})
