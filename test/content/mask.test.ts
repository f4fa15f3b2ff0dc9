import { expect, test } from 'vitest'
import { maskFor } from '../../src/content/mask.ts'

test.each<[line: string, secrets: string[], shown: string]>([
  ['token=abcdef!', ['abcdef'], 'token=***!'],
  ['abcdefabcdef', ['abcdef\n'], '******'],
  ['begin secret-line-1 secret-line-2 end', ['secret-line-1\r\nsecret-line-2\r\n'], 'begin *** *** end'],
  // the longer one first: nothing of it stays
  ['password-and-more', ['password', 'password-and-more'], '***'],
  ['  indented-secret  ', ['   indented-secret   '], '  ***  '],
  // of two that overlap nothing stays
  ['say one-two-three now', ['one-two', 'two-three'], 'say *** now'],
  // what is too short to be secret would garble the log
  ['a yes b', ['yes', '12345'], 'a yes b'],
  ['a.c+d(', ['a.c+d('], '***'],
  ['$& and $1', ['$& and $1'], '***'],
  ['nothing here', [], 'nothing here'],
  ['nothing here', ['', '\n\n'], 'nothing here'],
])('%j with the secrets %j', (line, secrets, shown) => {
  expect(maskFor(secrets.map((secret) => Buffer.from(secret)))(line)).toBe(shown)
})

test('ten thousand lines of a secret cost no more than one', () => {
  const lines = Array.from({ length: 10_000 }, (_, n) => `${n} is the number of a line`)
  const mask = maskFor([Buffer.from(lines.join('\n'))])
  expect(lines.map((line) => mask(`> ${line}!`))).toEqual(lines.map(() => '> ***!'))
})
