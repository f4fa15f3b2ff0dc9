import { expect, test } from 'vitest'
import { byBytes, bytesOfName, nameOfBytes, printedName, rawName } from '../src/byte-name.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

test.each(['', 'a/b', 'é', '日本', '😀', '\ufeffx', 'a\ufffdb', '\u{10ffff}', '\ud7ff\ue000'])(
  'the UTF-8 of %j is that text',
  (text) => {
    expect(nameOfBytes(Buffer.from(text))).toBe(text)
    expect(bytesOfName(text)).toEqual(Buffer.from(text))
    expect([rawName(text), printedName(text)]).toEqual([text, text])
  },
)

test.each([
  ['latin 1', 'caf\xe9', 'caf\\xe9'],
  ['a cut character', '\xe6\x97', '\\xe6\\x97'],
  ['a character, then half of one', '\xc3\xa9\xc3', 'é\\xc3'],
  ['a letter of two bytes', '\xc1\x81', '\\xc1\\x81'],
  ['a slash of three bytes', '\xe0\x80\xaf', '\\xe0\\x80\\xaf'],
  ['a surrogate', '\xed\xb2\x80', '\\xed\\xb2\\x80'],
  ['beyond the last character', '\xf4\x90\x80\x80', '\\xf4\\x90\\x80\\x80'],
  ['no beginning of one', '\xff\xfe\x80', '\\xff\\xfe\\x80'],
  ['beside the mark that stands for it elsewhere', '\xef\xbf\xbd\xff', '\ufffd\\xff'],
])('bytes that are not UTF-8 stay themselves, also in JSON: %s', (_, raw, printed) => {
  const name = nameOfBytes(bytes(raw))
  expect(bytesOfName(name)).toEqual(bytes(raw))
  expect(rawName(name)).toEqual(bytes(raw))
  expect(JSON.parse(JSON.stringify(name))).toBe(name)
  expect(printedName(name)).toBe(printed)
})

test('every pair of bytes comes back, and no two are one name', () => {
  const names = new Set<string>()
  for (let pair = 0; pair < 0x10000; pair += 1) {
    const raw = Buffer.from([pair >> 8, pair & 0xff])
    const name = nameOfBytes(raw)
    names.add(name)
    if (!bytesOfName(name).equals(raw)) expect(bytesOfName(name)).toEqual(raw)
  }
  expect(names.size).toBe(0x10000)
})

test('an escaped byte never stands for ASCII: a name gains no slash', () => {
  expect(bytesOfName('a\udc2fb')).toEqual(Buffer.from('a\ufffdb'))
  expect(bytesOfName('a\ud800b')).toEqual(Buffer.from('a\ufffdb'))
})

test('names are in the order of their bytes', () => {
  const names = ['z', nameOfBytes(bytes('\xff')), '😀', '\uffee', nameOfBytes(bytes('\xe9'))]
  expect(names.toSorted(byBytes)).toEqual(['z', nameOfBytes(bytes('\xe9')), '\uffee', '😀', nameOfBytes(bytes('\xff'))])
})
