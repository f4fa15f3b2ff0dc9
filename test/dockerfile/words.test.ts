import { describe, expect, test } from 'vitest'
import { expandWord, expandWords } from '../../src/dockerfile/words.ts'

const variables: Record<string, string> = {
  name: 'xbuild',
  empty: '',
  path: '/usr/local/lib.so.1',
  glob: 'a*b?c',
  big: 'aXbXc',
  ünï: 'letters',
}
const options = { lookup: (name: string) => variables[name], escape: '\\' as const }

test.each([
  // plain, quotes, escapes
  ['text', 'text'],
  ['', ''],
  ['$name', 'xbuild'],
  ['${name}', 'xbuild'],
  ['$name-$name', 'xbuild-xbuild'],
  ['$nameX', ''],
  ['${name}X', 'xbuildX'],
  ['$ünï', 'letters'],
  ['$', '$'],
  ['a$', 'a$'],
  ['$.x', '$.x'],
  ['$1x', 'x'],
  ['$@$*$#$?$!', ''],
  ['\\$name', '$name'],
  ['\\\\$name', '\\xbuild'],
  ['a\\b', 'ab'],
  ['a\\', 'a'],
  ["'$name'", '$name'],
  ["'a\\b'", 'a\\b'],
  ['"$name"', 'xbuild'],
  ['"a\\b"', 'a\\b'],
  ['"a\\"b"', 'a"b'],
  ['"a\\$b\\\\"', 'a$b\\'],
  ['"it\'s"', "it's"],
  ['\'say "$name"\'', 'say "$name"'],
  ['"a"\'b\'c', 'abc'],
  ['a  b', 'a  b'],
  // defaults
  ['${none:-word}', 'word'],
  ['${none-word}', 'word'],
  ['${empty:-word}', 'word'],
  ['${empty-word}', ''],
  ['${name:-word}', 'xbuild'],
  ['${none:-}', ''],
  ['${none:-a b}', 'a b'],
  ['${none:-"a } b"}', 'a } b'],
  ['${none:-\\}}', '}'],
  ['${none:-$name}', 'xbuild'],
  ['${none:-${other:-${name}}}', 'xbuild'],
  ['${name:+set}', 'set'],
  ['${none:+set}', ''],
  ['${empty:+set}', ''],
  ['${empty+set}', 'set'],
  ['${name:?must}', 'xbuild'],
  ['${empty?must}', ''],
  // prefixes and suffixes
  ['${path#*/}', 'usr/local/lib.so.1'],
  ['${path##*/}', 'lib.so.1'],
  ['${path%.*}', '/usr/local/lib.so'],
  ['${path%%.*}', '/usr/local/lib'],
  ['${path#/usr}', '/local/lib.so.1'],
  ['${path#nope}', '/usr/local/lib.so.1'],
  ['${path%/*}', '/usr/local'],
  ['${path##*}', ''],
  ['${path#*}', '/usr/local/lib.so.1'],
  ['${path#?usr}', '/local/lib.so.1'],
  ['${path%%/*/*}', ''],
  ['${glob#a\\*}', 'b?c'],
  ['${glob%\\?c}', 'a*b'],
  ['${none#x}', ''],
  ['${path#"/usr"}', '/local/lib.so.1'],
  ['${path#/$none}', 'usr/local/lib.so.1'],
  // replacement
  ['${big/X/-}', 'a-bXc'],
  ['${big//X/-}', 'a-b-c'],
  ['${big/X*/-}', 'a-'],
  ['${big//?/.}', '.....'],
  ['${big/none/-}', 'aXbXc'],
  ['${big//X/}', 'abc'],
  ['${big/X/$name}', 'axbuildbXc'],
  ['${path//\\//:}', ':usr:local:lib.so.1'],
  ['${big//*/-}', '-'],
  ['${big//X/$1}', 'abc'],
])('%s becomes %j', (text, expected) => {
  expect(expandWord(text, options)).toBe(expected)
})

test.each([
  ['"open', 'a double quote has no end'],
  ["'open", 'a single quote has no end'],
  ['${', '"${" has no "}"'],
  ['${name', '"${" has no "}"'],
  ['${name:-x', '"${" has no "}"'],
  ['${}', 'a substitution has no name'],
  ['${{name}}', 'a substitution has no name'],
  ['${:-x}', 'a substitution has no name'],
  ['${name^^}', 'modifier "^" is unknown'],
  ['${name:#x}', 'modifier ":#" is unknown'],
  ['${name:', 'modifier ":" is unknown'],
  ['${name/x}', '"${" has no "/"'],
  ['${none:?give one}', 'none: give one'],
  ['${none?}', 'none: is not allowed to be unset'],
  ['${empty:?}', 'empty: is not allowed to be empty'],
])('%s is refused: %s', (text, state) => {
  expect(() => expandWord(text, options)).toThrow(
    expect.objectContaining({ code: 'BAD_DOCKERFILE', message: `Cannot expand "${text}": ${state}` }),
  )
})

describe('modes', () => {
  test('the backtick escapes where the directive says so', () => {
    expect(expandWord('C:\\dir `$name "`""', { ...options, escape: '`' })).toBe('C:\\dir $name "')
  })

  test('in a heredoc body quotes are text', () => {
    expect(expandWord(`"$name" it's \\$name \\\\`, { ...options, plainQuotes: true })).toBe(`"xbuild" it's $name \\`)
  })

  test.each([
    ['a b', ['a', 'b']],
    ['$list', ['1', '2']],
    ['"$list" c', ['1 2', 'c']],
    ['x$list', ['x1', '2']],
    ['"" $none', []],
    ['a\\ b', ['a b']],
  ])('%s is cut into words', (text, expected) => {
    expect(expandWords(text, { ...options, lookup: (name) => (name === 'list' ? '1 2' : undefined) })).toEqual(expected)
  })
})

describe('hostile words', () => {
  test('deep nesting is refused', () => {
    expect(() => expandWord('${a:-'.repeat(100_000), options)).toThrow('nested too deeply')
  })

  test('growth by variables is bounded', () => {
    const lookup = (): string => 'x'.repeat(100_000)
    expect(() => expandWord('$a$a', { ...options, lookup })).toThrow('longer than 128 KiB')
  })

  test('a search that would take too long is refused', () => {
    const lookup = (): string => 'a'.repeat(100_000)
    expect(() => expandWord(`\${v##*${'a'.repeat(50_000)}?b}`, { ...options, lookup })).toThrow('too many steps')
  })

  test('words share a budget', () => {
    const budget = { left: 100 }
    expect(() => Array.from({ length: 20 }, () => expandWord('0123456789', { ...options, budget }))).toThrow(
      'too many steps',
    )
  })
})
