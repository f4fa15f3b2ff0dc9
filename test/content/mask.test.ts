import { expect, test } from 'vitest'
import { createLines } from '../../src/content/lines.ts'
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
  expect(maskFor(secrets.map((secret) => Buffer.from(secret))).text(line)).toBe(shown)
})

const WORD = 'pa+ss/wörd "quoted" <&> $1!'

test.each<[form: string, text: string]>([
  ['a part of a URL', encodeURIComponent(WORD)],
  ['a part of a query', new URLSearchParams({ a: WORD }).toString().slice(2)],
  ['a URL whose slashes stay', encodeURIComponent(WORD).replaceAll('%2F', '/')],
  ['a URL in small letters', encodeURIComponent(WORD).replaceAll(/%../g, (sign) => sign.toLowerCase())],
  ['JSON', JSON.stringify(WORD).slice(1, -1)],
  [
    'JSON of Go',
    JSON.stringify(WORD).slice(1, -1).replace('<', '\\u003c').replace('&', '\\u0026').replace('>', '\\u003e'),
  ],
  ['JSON in ASCII', JSON.stringify(WORD).slice(1, -1).replace('ö', '\\u00f6')],
  ['base64', Buffer.from(WORD).toString('base64')],
  ['base64 without its end', Buffer.from(WORD).toString('base64').replace(/=+$/, '')],
  ['base64 of URLs', Buffer.from(WORD).toString('base64url')],
])('a secret is masked as %s', (_, text) => {
  expect(maskFor([Buffer.from(WORD)]).text(`see: ${text}; end`)).toBe('see: ***; end')
})

test.each(['', 'u', 'us', 'user:'])(
  'in base64 of something that begins with %j, nothing but the edges of it is left',
  (head) => {
    const mask = maskFor([Buffer.from('hunter2-hunter2')])
    const shown = mask.text(Buffer.from(`${head}hunter2-hunter2, tail`).toString('base64'))
    expect(shown).toContain('***')
    const left =
      Buffer.from(shown.split('***')[0]!, 'base64').toString() +
      Buffer.from(shown.split('***')[1]!, 'base64').toString()
    expect(left).not.toContain('nter')
  },
)

test.each([64, 76])('base64 that is broken after %i characters is masked line by line', (width) => {
  const key = 'x1y2z3'.repeat(40)
  const mask = maskFor([Buffer.from(key)])
  const lines = Buffer.from(key)
    .toString('base64')
    .replace(/=+$/, '')
    .match(new RegExp(`.{1,${width}}`, 'g'))!
  expect(lines.map(mask.text)).toEqual(lines.map(() => '***'))
})

test('a secret in a line that is too long is not cut in two, wherever it lies, and however it comes', () => {
  const secret = 'hidden-word-of-the-build'
  const mask = maskFor([Buffer.from(secret)])
  for (let at = (16 << 10) - 30; at < (16 << 10) + 2; at += 1)
    for (const size of [1 << 20, 16 << 10, 1_111]) {
      const text = `${'.'.repeat(at)}${secret}${'.'.repeat(20_000)}`
      const pieces: string[] = []
      const lines = createLines((line) => pieces.push(line), mask.cut)
      for (let start = 0; start < text.length; start += size) lines.push(text.slice(start, start + size))
      lines.end()
      expect(pieces.join('')).toBe(text)
      expect(pieces.map(mask.text).join('')).toBe(text.replace(secret, '***'))
    }
})
