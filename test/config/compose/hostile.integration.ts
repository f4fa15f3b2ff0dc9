import fc from 'fast-check'
import { stringify } from 'yaml'
import { describe, expect, test } from 'vitest'
import { parseDotenv } from '../../../src/config/compose/dotenv.ts'
import { interpolate, TemplateError } from '../../../src/config/compose/interpolate.ts'
import type { ComposeInput } from '../../../src/config/compose/reading.ts'
import { readComposeProject } from '../../../src/config/compose/project.ts'
import { ConfigFileError } from '../../../src/config/file.ts'
import { XbuildError } from '../../../src/errors.ts'
import { withinMemory } from '../../support/peak-memory.ts'

const input = (files: Readonly<Record<string, string>>, env: ComposeInput['env'] = {}): ComposeInput => ({
  files: [{ path: '/p/compose.yaml', text: files['compose.yaml']! }],
  folder: '/p',
  env,
  read: (path) => files[path.replace('/p/', '')],
  show: (path) => path.replace('/p/', ''),
})

const choice = { services: [], profiles: [], withDependencies: false }
const project = (text: string, more: Readonly<Record<string, string>> = {}, env = {}) =>
  withinMemory(() => readComposeProject(input({ ...more, 'compose.yaml': text }, env), choice))

/** All problems, each with its place. */
function problemsOf(text: string, more = {}): string[] {
  try {
    project(text, more)
    return []
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error
    const found =
      error.diagnostics.length > 0 ? error.diagnostics : [error as { message: string; at?: typeof error.at }]
    return found.map(({ message, at, ...rest }) => {
      const hint = 'hint' in rest && rest.hint ? ` (${String(rest.hint)})` : ''
      return `${at?.file}:${at?.line}:${at?.column} ${message}${hint}`
    })
  }
}

describe('mistakes are told at their place, with what was meant', () => {
  test.each([
    [
      'services:\n  web:\n    build:\n      contxt: .\n',
      'compose.yaml:4:7 Cannot use services.web.build.contxt: compose has no such key (Did you mean "context"?)',
    ],
    [
      'services:\n  web:\n    biuld: .\n',
      'compose.yaml:3:5 Cannot use services.web.biuld: compose has no such key (Did you mean "build"?)',
    ],
    [
      'services:\n  web:\n    build: {context: ., tags: web}\n',
      'compose.yaml:3:31 Cannot use services.web.build.tags: it is "web", and it must be a list',
    ],
    [
      'services:\n  web: {build: {context: ., secrets: [tokn]}}\nsecrets: {token: {file: t}}\n',
      'compose.yaml:2:39 Cannot use the secret "tokn": it is not among the secrets of the file (Did you mean "token")',
    ],
    [
      'services:\n  web: {build: {context: ., additional_contexts: {b: "service:bsae"}}}\n  base: {build: .}\n',
      'compose.yaml:2:54 Cannot use the context "b" from the service "bsae": there is no such service (Did you mean "base")',
    ],
    [
      'services:\n  web: {build: ., depends_on: [ap]}\n  api: {build: .}\n',
      'compose.yaml:2:32 Cannot depend on "ap": there is no such service (Did you mean "api")',
    ],
    [
      'services: {web: {image: "x:${TAG:?say which}", build: .}}',
      'compose.yaml:1:25 Cannot fill in "x:${TAG:?say which}": the variable "TAG" is missing: say which',
    ],
    [
      'services:\n  a: {extends: b, build: .}\n  b: {extends: a, build: .}\n',
      'compose.yaml:2:16 Cannot extend "b": it extends itself',
    ],
  ])('%s', (text, expected) => {
    expect(problemsOf(text).some((one) => one.startsWith(expected))).toBe(true)
  })

  test('a variable that is not set is a warning with its place', () => {
    const { warnings } = project('services:\n  web:\n    image: "x:$TAG"\n    build: .\n')
    expect(warnings).toMatchObject([
      {
        severity: 'warning',
        message: 'The variable "TAG" is not set: it is treated as empty',
        at: { line: 3, column: 12 },
      },
    ])
  })

  test('a circle of files is told whole', () => {
    const [problem] = problemsOf('include: [a.yaml]', { 'a.yaml': 'include: [compose.yaml]' })
    expect(problem).toContain('it includes itself (compose.yaml -> a.yaml -> compose.yaml)')
  })
})

describe('files that are meant to harm', () => {
  test('an alias in an alias in an alias', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `x${i + 1}: &a${i + 1} [${Array(12).fill(`*a${i}`).join(', ')}]`,
    )
    const [problem] = problemsOf(`x0: &a0 [lol]\n${levels.join('\n')}\nservices: {web: {build: .}}`)
    expect(problem).toMatch(/more than 100000 values/)
  })

  test('an alias that stands for itself', () => {
    expect(problemsOf('x-a: &a {b: *a}\nservices: {web: {build: .}}')[0]).toMatch(/stands for itself/)
  })

  test.each([100, 20_000])('%d levels of nesting', (depth) => {
    expect(problemsOf(`x-a: ${'['.repeat(depth)}${']'.repeat(depth)}`)[0]).toMatch(/nested too deeply|Cannot read/)
  })

  test('variables that come to more than a machine can hold', () => {
    const text = `services: {web: {build: {context: ., args: {A: "${'$A'.repeat(10_000)}"}}}}`
    expect(() => project(text, {}, { A: 'x'.repeat(100_000) })).toThrow(/more than 4 MB/)
  })

  const extending = (count: number, link: (next: string) => string) => {
    const services = Array.from({ length: count }, (_, i) => {
      const said = i < count - 1 ? `extends: ${link(`s${i + 1}`)}, ` : ''
      return `  s${i}: {${said}build: {context: ., args: {A${i}: x}}}\n`
    })
    return `services:\n${services.join('')}`
  }
  const inFile = (next: string) => `{file: compose.yaml, service: ${next}}`

  test.each([
    ['in one file', (next: string) => next, 0],
    ['in a file that is named each time', inFile, 1],
  ])('100 services that extend one another %s: each is made once', (_, link, reads) => {
    const given = input({ 'compose.yaml': extending(100, link) })
    const work = { reads: 0, names: 0 }
    const count = {
      ...given,
      read: (path: string) => {
        work.reads += 1
        return given.read(path)
      },
      show: (path: string) => {
        work.names += 1
        return given.show(path)
      },
    }
    const { targets } = readComposeProject(count, choice)
    expect(Object.keys(targets[0]!.args!)).toHaveLength(100)
    expect(work.reads).toBe(reads)
    expect(work.names).toBeLessThan(500)
  })

  test.each([
    ['the first first', (text: string) => text],
    ['the last first', (text: string) => text.trimEnd().split('\n').toSorted().reverse().join('\n')],
  ])('101 links are refused at their place, %s', (_, order) => {
    const padded = (count: number) =>
      extending(count, (next) => next).replaceAll(/s(\d+)/g, (_all, n: string) => `t${n.padStart(3, '0')}`)
    const ordered = (count: number) => order(padded(count).replace('services:\n', '')).replace(/^/, 'services:\n')
    expect(problemsOf(ordered(101))).toEqual([])
    expect(problemsOf(ordered(102))[0]).toMatch(
      /^compose.yaml:\d+:\d+ Cannot extend "t\d+": the chain has more than 100 links/,
    )
  })

  test('more than 1000 files that are extended are refused', () => {
    const names = Array.from({ length: 1001 }, (_, i) => `f${i}.yaml`)
    const services = names.map((name, i) => `  s${i}: {extends: {file: ${name}, service: a}}\n`)
    const files = Object.fromEntries(names.map((name) => [name, 'services: {a: {build: .}}']))
    expect(problemsOf(`services:\n${services.join('')}`, files)).toEqual([
      'compose.yaml:1002:20 Cannot extend "a": the project extends services of more than 1000 files',
    ])
  })

  test('keys of every object', () => {
    const { targets } = project(
      'services: {__proto__: {build: .}, constructor: {build: {context: ., args: {__proto__: x}}}}',
    )
    expect(targets.map(({ name }) => name)).toEqual(['__proto__', 'constructor'])
    expect(Object.keys(targets[1]!.args!)).toEqual(['__proto__'])
  })
})

const word = fc.string({ unit: fc.constantFrom('$', '{', '}', ':', '-', '?', '+', 'A', 'b', '_', ' ', '\n', '"', '1') })
const variables = { get: (name: string) => (name.length % 2 === 0 ? name : undefined), unset: () => {} }

describe('whatever is written', () => {
  test('templates are filled in or refused', () => {
    fc.assert(
      fc.property(word, (text) => {
        try {
          expect(typeof withinMemory(() => interpolate(text, variables))).toBe('string')
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError)
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('a text without dollar signs stays, and a doubled one is one', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(
          interpolate(
            text.replaceAll('$', () => '$$'),
            variables,
          ),
        ).toBe(text)
      }),
    )
  })

  test('.env files are read or refused at a line', () => {
    const line = fc.string({ unit: fc.constantFrom('A', '=', "'", '"', '\\', 'n', '#', ' ', '\n', '$', '{', '}') })
    fc.assert(
      fc.property(line, (text) => {
        try {
          withinMemory(() => parseDotenv(text, '.env', () => undefined))
        } catch (error) {
          expect(error).toBeInstanceOf(XbuildError)
          expect((error as XbuildError).at?.line).toBeGreaterThan(0)
        }
      }),
      { numRuns: 2000 },
    )
  })

  const args = fc.dictionary(fc.stringMatching(/^[A-Z]{1,3}$/), fc.stringMatching(/^[a-z]{1,5}$/))
  const build = fc.record(
    {
      context: fc.constant('.'),
      args,
      tags: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,5}$/)),
      target: fc.constant('t'),
    },
    { requiredKeys: [] },
  )

  test('of two files the second wins by name, and a third that says the same changes nothing', () => {
    fc.assert(
      fc.property(build, build, (first, second) => {
        const file = (value: object) => stringify({ services: { web: { build: value } } })
        const valuesOf = (...builds: object[]) => {
          const files = builds.map((one, i) => ({ path: `/p/${i}.yaml`, text: file(one) }))
          return JSON.parse(
            JSON.stringify(
              withinMemory(() => readComposeProject({ ...input({}), files }, choice)).targets,
              withoutPlaces,
            ),
          )
        }
        const twice = valuesOf(first, second)
        expect(valuesOf(first, second, second)).toEqual(twice)
        const targets = twice as { args: Record<string, { value: string }> }[]
        const got = Object.fromEntries(Object.entries(targets[0]!.args).map(([name, { value }]) => [name, value]))
        expect(got).toEqual({ ...first.args, ...second.args })
      }),
      { numRuns: 60 },
    )
  })

  test('any YAML is a project or refused', () => {
    fc.assert(
      fc.property(
        fc.object({ maxDepth: 4, key: fc.constantFrom('services', 'web', 'build', 'args', 'include', '<<') }),
        (value) => {
          try {
            project(stringify(value))
          } catch (error) {
            expect(error).toBeInstanceOf(XbuildError)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})

function withoutPlaces(key: string, value: unknown): unknown {
  return key === 'at' ? undefined : value
}
