import { spendCharacters } from '../budget.ts'
import { FunctionError, intOf, type LibraryFunction, ofText, parameter, textOf, textsOf } from '../function.ts'
import { listOf, NUMBER, STRING } from '../types.ts'
import { int, list, text } from '../value.ts'
import { characters } from '../characters.ts'
import { cleanPath } from '../clean-path.ts'
import { formatFunction, formatList } from './format.ts'

const STR = parameter('str', STRING)

function two(second: string, run: (value: string, other: string) => string): LibraryFunction {
  return { parameters: [STR, parameter(second, STRING)], run: ([a, b]) => text(run(textOf(a), textOf(b))) }
}

// What Go takes for a space
const SPACE = '\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const START = new RegExp(`(^|[\\x00-\\x2f\\x3a-\\x40\\x5b-\\x5e\\x60\\x7b-\\x7f${SPACE}])(\\p{L})`, 'gu')
const AROUND = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, 'gu')
/** Letters that are two, as "\u01c6": at the beginning of a word only the first of them is a capital. */
const DOUBLE = ['\u01c4\u01c5\u01c6', '\u01c7\u01c8\u01c9', '\u01ca\u01cb\u01cc', '\u01f1\u01f2\u01f3']

// Go's strings.Title: a letter after a sign of ASCII that is no letter, digit or underscore, or after a space
function title(value: string): string {
  const capital = (letter: string) =>
    DOUBLE.find((forms) => forms.includes(letter))?.[1] ?? mapped(letter, 'toUpperCase')
  return value.replace(START, (_, before: string, letter: string) => before + capital(letter))
}

// Go changes each character by itself: "ß" has no capital of one character
function mapped(value: string, how: 'toUpperCase' | 'toLowerCase'): string {
  const small = how === 'toLowerCase' ? value.replaceAll('\u0130', 'i') : value
  return [...small].map((char) => ([...char[how]()].length === 1 ? char[how]() : char)).join('')
}

function trim(value: string, cut: string): string {
  const set = new Set(cut)
  const all = [...value]
  let [start, end] = [0, all.length]
  while (start < end && set.has(all[start]!)) start += 1
  while (end > start && set.has(all[end - 1]!)) end -= 1
  return all.slice(start, end).join('')
}

function basename(path: string): string {
  if (path === '') return '.'
  const bare = path.replace(/\/+$/, '')
  return bare === '' ? '/' : bare.slice(bare.lastIndexOf('/') + 1)
}

function substr(value: string, offset: number, length: number): string {
  const all = characters(value)
  const start = offset < 0 ? Math.max(0, all.length + offset) : offset
  // No length from the end on is all of it, as in HashiCorp's implementation
  const isAll = length < 0 || (length === 0 && offset < 0)
  return all.slice(start, isAll ? undefined : start + length).join('')
}

function pieces(value: string, separator: string): string[] {
  return separator === '' ? [...value] : value.split(separator)
}

function indent(spaces: number, value: string, spend: (count: number) => void): string {
  if (spaces < 0) throw new FunctionError('spaces must not be negative')
  spend(spaces * value.split('\n').length)
  return value.replaceAll('\n', `\n${' '.repeat(spaces)}`)
}

/** Functions of texts. */
export const TEXT_FUNCTIONS: Readonly<Record<string, LibraryFunction>> = {
  basename: ofText('path', (path) => text(basename(path))),
  dirname: ofText('path', (path) => text(cleanPath(path.slice(0, path.lastIndexOf('/') + 1)))),
  chomp: ofText('str', (value) => text(value.replace(/(?:\r\n?|\n)+$/, ''))),
  format: formatFunction,
  formatlist: formatList,
  indent: {
    parameters: [parameter('spaces', NUMBER), STR],
    run: ([spaces, value], { budget }) =>
      text(indent(intOf(spaces, 'spaces'), textOf(value), (count) => spendCharacters(budget, count))),
  },
  join: {
    parameters: [parameter('separator', STRING)],
    rest: parameter('lists', listOf(STRING)),
    run: ([separator, ...lists]) => {
      if (lists.length === 0) throw new FunctionError('at least one list is required')
      const items = lists.flatMap(textsOf)
      const nothing = (items as (string | null)[]).indexOf(null)
      if (nothing >= 0) throw new FunctionError(`element ${nothing} is null; cannot concatenate null values`)
      return text(items.join(textOf(separator)))
    },
  },
  split: {
    parameters: [parameter('separator', STRING), STR],
    run: ([separator, value]) => list(STRING, pieces(textOf(value), textOf(separator)).map(text)),
  },
  lower: ofText('str', (value) => text(mapped(value, 'toLowerCase'))),
  upper: ofText('str', (value) => text(mapped(value, 'toUpperCase'))),
  title: ofText('str', (value) => text(title(value))),
  trim: two('cutset', trim),
  trimprefix: two('prefix', (value, prefix) =>
    prefix !== '' && value.startsWith(prefix) ? value.slice(prefix.length) : value,
  ),
  trimsuffix: two('suffix', (value, suffix) =>
    suffix !== '' && value.endsWith(suffix) ? value.slice(0, value.length - suffix.length) : value,
  ),
  trimspace: ofText('str', (value) => text(value.replace(AROUND, ''))),
  reverse: ofText('str', (value) => text(characters(value).reverse().join(''))),
  replace: {
    parameters: [STR, parameter('substr', STRING), parameter('replace', STRING)],
    run: ([value, part, by], { budget }) => {
      const pieces = textOf(value).split(textOf(part))
      spendCharacters(budget, pieces.length * textOf(by).length)
      if (textOf(part) === '') return text(textOf(by) + [...textOf(value)].map((char) => char + textOf(by)).join(''))
      return text(pieces.join(textOf(by)))
    },
  },
  sanitize: ofText('name', (value) =>
    text([...value].map((char) => (/^[a-zA-Z0-9_-]$/.test(char) ? char : '_')).join('')),
  ),
  strlen: ofText('str', (value) => int(characters(value).length)),
  substr: {
    parameters: [STR, parameter('offset', NUMBER), parameter('length', NUMBER)],
    run: ([value, offset, length]) => text(substr(textOf(value), intOf(offset, 'offset'), intOf(length, 'length'))),
  },
  sort: {
    parameters: [parameter('list', listOf(STRING))],
    run: ([given]) => list(STRING, sorted(textsOf(given)).map(text)),
  },
}

function sorted(texts: readonly (string | null)[]): string[] {
  const given = texts.filter((each) => each !== null)
  if (given.length < texts.length) throw new FunctionError('an element of the list is null')
  return given.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}
