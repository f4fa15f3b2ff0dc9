import { spendCharacters } from '../budget.ts'
import { FunctionError, intOf, type LibraryFunction, ofText, parameter, textOf, textsOf } from '../function.ts'
import { listOf, NUMBER, STRING } from '../types.ts'
import { int, list, text } from '../value.ts'
import { cleanPath } from '../clean-path.ts'
import { formatFunction, formatList } from './format.ts'

let segmenter: Intl.Segmenter | undefined
const STR = parameter('str', STRING)

/** Characters as a reader counts them. */
function characters(value: string): string[] {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' }) // making one takes 10 ms
  return [...segmenter.segment(value)].map(({ segment }) => segment)
}

function two(second: string, run: (value: string, other: string) => string): LibraryFunction {
  return { parameters: [STR, parameter(second, STRING)], run: ([a, b]) => text(run(textOf(a), textOf(b))) }
}

// Go's strings.Title: a letter after a sign of ASCII that is no letter, digit or underscore, or after a space
function title(value: string): string {
  return value.replace(
    /(^|[\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]|\s)(\p{L})/gu,
    (_, before: string, letter: string) => before + mapped(letter, 'toUpperCase'),
  )
}

// Go changes each character by itself: "ß" has no capital of one character
function mapped(value: string, how: 'toUpperCase' | 'toLowerCase'): string {
  return [...value].map((char) => ([...char[how]()].length === 1 ? char[how]() : char)).join('')
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
  return all.slice(start, length < 0 ? undefined : start + length).join('')
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
    run: ([separator, value]) => list(STRING, textOf(value).split(textOf(separator)).map(text)),
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
  trimspace: ofText('str', (value) => text(value.replace(/^[\s\u0085]+|[\s\u0085]+$/gu, ''))),
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
    run: ([given]) => list(STRING, textsOf(given).toSorted(byBytes).map(text)),
  },
}

function byBytes(a: string, b: string): number {
  if (a === null || b === null) throw new FunctionError('given list element is null')
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
