import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readBake } from '../../../src/config/bake/bake.ts'
import { printBake } from '../../../src/config/bake/print.ts'
import { resolveTargets } from '../../../src/config/bake/resolve.ts'
import { XbuildError } from '../../../src/errors.ts'
import { withinMemory } from '../../support/peak-memory.ts'
import { inputOf, valueOf } from './evaluate.ts'

const repeat = (text: string, count: number) => text.repeat(count)

describe('a hostile file ends with an error at its place', () => {
  test.each([
    ['nested parentheses', repeat('(', 5000) + repeat(')', 5000)],
    ['nested lists', repeat('[', 5000) + repeat(']', 5000)],
    ['nested templates', `${repeat('"${', 1000)}1${repeat('}"', 1000)}`],
    ['a chain of operators', `1${repeat(' + 1', 5000)}`],
    ['a long chain of indexes', `[]${repeat('[0]', 5000)}`],
    ['a number with a huge exponent', '1e999999999'],
    ['a product without end', `${repeat('1e300 * ', 100)}1`],
    ['loops in loops', 'flatten([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : a]]])'],
    [
      'a text that doubles',
      `join("", [for a in range(1000) : join("", [for b in range(1000) : "${repeat('x', 50)}"])])`,
    ],
    ['a format with a huge width', 'format("%999999999d", 1)'],
    ['an indent without end', 'indent(999999999, "a\\nb")'],
    ['a replacement that grows', `replace(replace("${repeat('a', 9000)}", "a", "${repeat('b', 9000)}"), "b", "ccccc")`],
    ['a product of sets', 'length(setproduct(range(1000), range(1000), range(1000)))'],
    ['a costly hash', 'bcrypt("x", 31)'],
    ['deep JSON', `jsondecode("${repeat('[', 3000)}${repeat(']', 3000)}")`],
    ['a comment without an end', '1 /*'],
    ['a text without an end', '"abc'],
    ['a heredoc without an end', '<<EOT\nabc'],
  ])('%s', (_, expression) => {
    expect(() => withinMemory(() => valueOf(expression))).toThrow(XbuildError)
    expect(() => valueOf(expression)).toThrow(/docker-bake\.hcl:\d+:\d+/)
  })

  test('a pattern that would never end elsewhere is answered', () => {
    expect(withinMemory(() => valueOf(`can(regex("^(a+)+$", "${repeat('a', 200)}b"))`))).toBe('false')
  })

  test('a matrix without end', () => {
    const keys = Array.from({ length: 8 }, (_, at) => `k${at} = range(100)`).join('\n')
    const file = `target "default" {\n  name = "x"\n  matrix = {\n${keys}\n}\n}\n`
    expect(() => withinMemory(() => readBake(inputOf({ 'docker-bake.hcl': file })))).toThrow(/too many elements/)
  })

  test('functions that call each other', () => {
    const file = [
      'function "a" {\n  params = [x]\n  result = b(x)\n}',
      'function "b" {\n  params = [x]\n  result = a(x)\n}',
      'target "default" { args = { A = a(1) } }',
    ].join('\n')
    expect(() => withinMemory(() => readBake(inputOf({ 'docker-bake.hcl': file })))).toThrow(/calls itself/)
  })

  test('names of the language itself are names', () => {
    const file = 'target "constructor" {\n  args = { __proto__ = "a", toString = "b" }\n}\n'
    const config = readBake(inputOf({ 'docker-bake.hcl': file }))
    const printed = printBake(resolveTargets(config, { names: ['constructor'], set: [], env: {} }))
    expect(printed).toContain('"toString": "b"')
  })
})

const WORDS = [
  'target',
  'variable',
  'function',
  'group',
  '"default"',
  '"x"',
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '=',
  ',',
  '\n',
  ':',
  '?',
  '"a"',
  '"${',
  '}"',
  '"%{ if true }',
  '%{ endif }"',
  '<<-E\n',
  '\nE\n',
  'for',
  'in',
  'if',
  '=>',
  '...',
  '.',
  '*',
  '+',
  '-',
  '1',
  '1e9',
  'null',
  'true',
  'a',
  'b',
  'default',
  'params',
  'result',
  'matrix',
  'name',
  'tags',
  'args',
  'target.x.tags',
  'upper(',
  'regex_replace(',
  'format("%d",',
  'range(',
  'try(',
  'convert(',
  '#',
  '/*',
  '*/',
  '\\',
  '\u00e9',
  '\u0000',
]

/** Anything but an error of xbuild is a fault; so is a run that takes long, or 100 MB. */
function survives(name: string, text: string): void {
  const started = performance.now()
  try {
    withinMemory(() => {
      const config = readBake(inputOf({ [name]: text }))
      printBake(resolveTargets(config, { names: config.targets.map((target) => target.name), set: [], env: {} }))
    })
  } catch (error) {
    if (!(error instanceof XbuildError) || error.code === 'INTERNAL') throw error
  }
  expect(performance.now() - started).toBeLessThan(20_000)
}

describe('fuzz', () => {
  test('words of the language in any order', () => {
    const file = fc.array(fc.constantFrom(...WORDS), { maxLength: 60 }).map((words) => words.join(' '))
    fc.assert(
      fc.property(file, (text) => survives('docker-bake.hcl', text)),
      { numRuns: 400 },
    )
  })

  test('expressions of words in any order', () => {
    const file = fc.array(fc.constantFrom(...WORDS), { maxLength: 25 }).map((words) => `a = ${words.join('')}\n`)
    fc.assert(
      fc.property(file, (text) => survives('docker-bake.hcl', text)),
      { numRuns: 400 },
    )
  })

  test('any text, as HCL and as JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.boolean(), (text, json) =>
        survives(json ? 'docker-bake.json' : 'docker-bake.hcl', text),
      ),
      { numRuns: 200 },
    )
  })

  test('any JSON as the definition of targets', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) =>
        survives('docker-bake.json', JSON.stringify({ target: { default: value } })),
      ),
      { numRuns: 200 },
    )
  })
})
