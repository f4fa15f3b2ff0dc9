import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readArgv } from '../../src/cli/command-line.ts'
import { parseCsv, readBool, splitPair } from '../../src/config/values.ts'
import { XbuildError } from '../../src/errors.ts'

test('what is written as CSV is read as it was', () => {
  const quoted = (field: string) => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (fields) => {
      expect(parseCsv(fields.map(quoted).join(','), '-o')).toEqual(fields)
    }),
  )
})

test.each([
  ['', ['']],
  ['a,', ['a', '']],
  ['""', ['']],
  ['a,"b,c",d', ['a', 'b,c', 'd']],
])('CSV %j', (text, fields) => {
  expect(parseCsv(text, '-o')).toEqual(fields)
})

test('switches are read as Go reads them', () => {
  expect(['1', 't', 'T', 'true', 'TRUE', 'True'].map(readBool)).toEqual(Array(6).fill(true))
  expect(['0', 'f', 'F', 'false', 'FALSE', 'False'].map(readBool)).toEqual(Array(6).fill(false))
  expect(['', 'yes', 'tRUE', '2'].map(readBool)).toEqual(Array(4).fill(undefined))
})

test.each([
  ['a=b=c', ['a', 'b=c']],
  ['a=', ['a', '']],
  ['a', ['a', undefined]],
])('pair %j', (text, pair) => {
  expect(splitPair(text, '--label')).toEqual(pair)
})

test('no command line makes the reader fail in another way than saying what is wrong', () => {
  const known = [
    '-t',
    '--tag',
    '--tag=',
    '-',
    '--',
    '--push',
    '-qD',
    '--=',
    '-o',
    'build',
    '--__proto__=x',
    '--constructor',
  ]
  const word = fc.oneof(fc.string(), fc.constantFrom(...known))
  fc.assert(
    fc.property(fc.array(word), (argv) => {
      try {
        readArgv(argv)
      } catch (error) {
        expect(error).toBeInstanceOf(XbuildError)
      }
    }),
  )
})
