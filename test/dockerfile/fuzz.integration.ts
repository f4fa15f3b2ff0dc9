import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { XbuildError, type Diagnostic } from '../../src/errors.ts'
import { evaluateStage } from '../../src/dockerfile/evaluate.ts'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseIgnore } from '../../src/dockerfile/ignore.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { cleanPath } from '../../src/dockerfile/paths.ts'
import { expandWord } from '../../src/dockerfile/words.ts'
import { parsePlatform } from '../../src/platform.ts'

const WORDS = [
  ...[
    'FROM',
    'RUN',
    'COPY',
    'ADD',
    'ENV',
    'ARG',
    'ONBUILD',
    'HEALTHCHECK',
    'CMD',
    'LABEL',
    'EXPOSE',
    'VOLUME',
    'SHELL',
    'WORKDIR',
    'USER',
    'AS',
  ],
  ...[
    ' ',
    '\t',
    '\n',
    '\r\n',
    '\\\n',
    '`',
    '#',
    '"',
    "'",
    '$',
    '${',
    '}',
    ':-',
    '=',
    '<<EOF',
    '<<-',
    'EOF',
    '[',
    ']',
    ',',
    '--',
    '--from=',
    '--mount=',
  ],
  ...[
    'a',
    'b',
    'stage',
    '0',
    '/',
    '..',
    '*',
    '\\',
    '\ufeff',
    '\0',
    '😀',
    '__proto__',
    'TARGETARCH',
    '$TARGETARCH',
    '--platform=',
    'NONE',
    '# escape=`\n',
  ],
]
const soup = fc
  .array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...WORDS) }, fc.string({ maxLength: 3, unit: 'binary' })), {
    maxLength: 60,
  })
  .map((parts) => parts.join(''))
const [amd64, arm64] = ['linux/amd64', 'linux/arm64'].map((text) => parsePlatform(text))

function expectPositions(diagnostics: readonly Diagnostic[], text: string): void {
  const lines = text.split('\n').length
  for (const { at, message } of diagnostics) {
    expect(at).toMatchObject({ file: 'Dockerfile' })
    expect(at.line).toBeGreaterThanOrEqual(1)
    expect(at.endLine ?? at.line).toBeLessThanOrEqual(lines)
    expect(message).toMatch(/\S/)
    expect(message.endsWith('.')).toBe(message.endsWith('...'))
  }
}

/** Runs `action` and lets only errors of ours through as "no value". */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    expect(error).toBeInstanceOf(XbuildError)
    return undefined
  }
}

describe('the whole way of a Dockerfile', () => {
  test.each([
    ['any text', fc.string({ maxLength: 300, unit: 'binary' })],
    ['words of the language', soup],
    ['after a FROM', soup.map((text) => `FROM a AS stage\n${text}\nFROM stage\n${text}`)],
  ])('%s: positioned problems only, and the same twice', (_, texts) => {
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseDockerfile(text, { file: 'Dockerfile' })
        expectPositions(parsed.diagnostics, text)
        expect(parseDockerfile(text, { file: 'Dockerfile' })).toEqual(parsed)
        for (const target of [amd64!, arm64!]) {
          const { graph, diagnostics } = buildStageGraph(parsed.dockerfile, {
            target,
            buildPlatform: amd64!,
            buildArgs: { A: '$b' },
            namedContexts: ['b'],
          })
          expectPositions(diagnostics, text)
          for (const stage of graph.stages) {
            expect(stage.needs.every((need) => need < stage.index)).toBe(true)
            const evaluated = evaluateStage(stage, { config: { OnBuild: ['RUN x', text] } })
            expectPositions(evaluated.diagnostics, text)
            for (const step of evaluated.steps) {
              if (step.kind !== 'copy') continue
              expect(step.dest.startsWith('/')).toBe(true)
              expect([...step.sources, step.dest].some((path) => path.split('/').includes('..'))).toBe(false)
            }
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test('every instruction of a file without errors is there, in order', () => {
    const line = fc.constantFrom(
      'RUN a',
      'ENV A=1',
      'COPY a b',
      'RUN <<E\nFROM x\nE',
      'CMD ["a"]',
      '# FROM y',
      '',
      'LABEL a=\\\nb',
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const { dockerfile, diagnostics } = parseDockerfile(['FROM a', ...lines].join('\n'), { file: 'Dockerfile' })
        const expected = lines
          .filter((text) => text !== '' && !text.startsWith('#'))
          .map((text) => text.split(' ')[0]!.toLowerCase())
        expect(dockerfile.stages[0]!.instructions.map(({ kind }) => kind)).toEqual(expected)
        expect(diagnostics).toEqual([])
      }),
      { numRuns: 100 },
    )
  })
})

describe('words', () => {
  const word = fc
    .array(fc.constantFrom('$', '{', '}', ':', '-', '+', '?', '#', '%', '/', '*', '"', "'", '\\', 'a', 'bc', ' '), {
      maxLength: 40,
    })
    .map((parts) => parts.join(''))

  test('expansion ends with a text or an error of ours', () => {
    fc.assert(
      fc.property(word, fc.string({ maxLength: 20 }), fc.boolean(), (text, value, plainQuotes) => {
        const expanded = attempt(() =>
          expandWord(text, { lookup: (name) => (name === 'a' ? value : undefined), escape: '\\', plainQuotes }),
        )
        expect(expanded === undefined || typeof expanded === 'string').toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('single quotes keep everything', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const bare = text.replaceAll("'", '')
        expect(expandWord(`'${bare}'`, { lookup: () => 'x', escape: '\\' })).toBe(bare)
      }),
    )
  })

  test('prefix and suffix removal agree with a regular expression', () => {
    const glob = fc.array(fc.constantFrom('*', '?', 'a', 'b'), { maxLength: 6 })
    fc.assert(
      fc.property(glob, fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 }), (parts, value) => {
        const lookup = (): string => value
        const options = { lookup, escape: '\\' as const }
        const pattern = parts.join('')
        const source = (star: string): string =>
          parts.map((part) => (part === '*' ? star : part === '?' ? '.' : part)).join('')
        const matching = (from: number, to: number): boolean =>
          new RegExp(`^(?:${source('.*')})$`).test(value.slice(from, to))
        const ends = Array.from({ length: value.length + 1 }, (_, index) => index)
        const prefixes = ends.filter((end) => matching(0, end))
        const suffixes = ends.filter((start) => matching(start, value.length))
        // `##` and `%%` first in a pattern are operators of their own.
        expect(expandWord(`\${v##${pattern}}`, options)).toBe(value.slice(prefixes.at(-1) ?? 0))
        expect(expandWord(`\${v#${pattern}}`, options)).toBe(value.slice(prefixes[0] ?? 0))
        expect(expandWord(`\${v%%${pattern}}`, options)).toBe(value.slice(0, suffixes[0] ?? value.length))
        expect(expandWord(`\${v%${pattern}}`, options)).toBe(value.slice(0, suffixes.at(-1) ?? value.length))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('patterns', () => {
  const pattern = fc
    .array(fc.constantFrom('*', '**', '**/', '?', '[', ']', '^', '-', '\\', '/', 'a', 'b', '!', '.'), { maxLength: 10 })
    .map((parts) => parts.join(''))
  const path = fc
    .array(fc.constantFrom('a', 'b', 'ab', '.a', '-'), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join('/'))

  test('what can be pruned has nothing below it that is wanted', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 5 }), path, path, (patterns, folder, below) => {
        const matcher = attempt(() => parseIgnore(patterns.join('\n'), { file: '.dockerignore' }))
        // A pattern that cannot be compared is an error whenever it is asked
        if (!attempt(() => matcher?.canPrune(folder))) return
        expect(matcher!.matches(folder)).toBe(true)
        expect(attempt(() => matcher!.matches(`${folder}/${below}`)) ?? true).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })

  test('an answer does not depend on what was asked before', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 4 }),
        fc.array(path, { minLength: 1, maxLength: 6 }),
        (patterns, paths) => {
          const text = patterns.join('\n')
          const shared = attempt(() => parseIgnore(text, { file: 'f' }))
          if (!shared) return
          for (const name of paths)
            expect(attempt(() => shared.matches(name))).toBe(
              attempt(() => parseIgnore(text, { file: 'f' }).matches(name)),
            )
        },
      ),
    )
  })
})

test('a clean path is clean, and never leaves the root', () => {
  const text = fc
    .array(fc.constantFrom('/', '.', '..', 'a', 'b c', ''), { maxLength: 12 })
    .map((parts) => parts.join('/'))
  fc.assert(
    fc.property(text, (path) => {
      expect(cleanPath(cleanPath(path))).toBe(cleanPath(path))
      expect(cleanPath(`/${path}`).split('/')).not.toContain('..')
    }),
  )
})
