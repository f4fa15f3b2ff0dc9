import { expect, test } from 'vitest'
import { evaluateStage } from '../../src/dockerfile/evaluate.ts'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseIgnore } from '../../src/dockerfile/ignore.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { compileIgnorePattern } from '../../src/dockerfile/ignore-pattern.ts'
import { compilePattern } from '../../src/dockerfile/pattern.ts'
import { parsePlatform } from '../../src/platform.ts'
import { checkText } from './checks/check-text.ts'

/** Characters: enough for a way that takes the square of them to meet the runner's time limit. */
const MANY = 1 << 18
const platform = parsePlatform('linux/amd64')

/** The whole way of a hostile Dockerfile; that it ends is the test, the runner's time limit is the clock. */
function problemsOf(text: string): number {
  const parsed = parseDockerfile(text, { file: 'Dockerfile' })
  const { graph, diagnostics } = buildStageGraph(parsed.dockerfile, {
    target: platform,
    buildPlatform: platform,
    buildArgs: {},
    namedContexts: [],
  })
  const evaluated = graph.stages.map((stage) => evaluateStage(stage, { config: {} }))
  const all = [...parsed.diagnostics, ...diagnostics, ...evaluated.flatMap((stage) => stage.diagnostics)]
  expect(all.every(({ at, message }) => at.line >= 1 && message.length < 1000)).toBe(true)
  return all.filter(({ severity }) => severity === 'error').length
}

test.each([
  ['a long word', `RUN ${'a'.repeat(MANY)}`, 0],
  ['equals signs', `ENV ${'a='.repeat(MANY / 2)}`, 0],
  ['quotes', `COPY ${'"'.repeat(MANY)}`, 1],
  ['heredoc signs', `RUN ${'<<'.repeat(MANY / 2)}`, 0],
  ['heredocs that do not end', `RUN <<A ${' <<A'.repeat(MANY / 4)}`, 1],
  ['nested substitutions', `ENV a=${'${a:-'.repeat(MANY / 5)}`, 1],
  ['backslashes', `RUN ${'\\'.repeat(MANY)}`, 0],
  ['brackets', `CMD ${'['.repeat(MANY)}`, 0],
  ['a mount of quotes', `RUN --mount=${'"'.repeat(MANY)} x`, 2],
  ['digits', `HEALTHCHECK --interval=${'1'.repeat(MANY)} CMD x`, 1],
  ['instruction in instruction', 'ONBUILD '.repeat(MANY / 8), 1],
  ['port ranges', `EXPOSE ${'1-65535 '.repeat(MANY / 8)}`, 1],
  ['a long pattern', `ENV a=b\nLABEL a=\${a/${'x'.repeat(MANY)}/b}`, 0],
  ['a long instruction name', 'X'.repeat(MANY), 1],
  ['a long flag', `COPY --${'x'.repeat(MANY)} a b`, 1],
  ['a long stage', `FROM a AS ${'x '.repeat(MANY / 2)}`, 1],
  ['carriage returns', '\r'.repeat(MANY), 0],
  ['blank lines', '\n'.repeat(MANY), 0],
  ['continuations', 'RUN a \\\n'.repeat(MANY / 8), 0],
  ['a trigger of heredocs', `ONBUILD RUN <<A\n${'x\n'.repeat(MANY / 2)}A`, 0],
  ['doubling variables', `ENV A=${'x'.repeat(1000)}\n${'ENV A=$A$A\n'.repeat(100)}`, 93],
])('very many of %s', (_, text, errors) => {
  expect(problemsOf(`FROM x\n${text}\n`)).toBe(errors)
})

test('a directive of blanks', () => {
  expect(problemsOf(`#${' '.repeat(MANY)}=\nFROM x`)).toBe(0)
})

test('5,000 stages in a chain', () => {
  const stages = Array.from(
    { length: 5000 },
    (_, index) => `FROM ${index === 0 ? 'img' : `s${index - 1}`} AS s${index}`,
  )
  const { dockerfile } = parseDockerfile(stages.join('\n'), { file: 'Dockerfile' })
  const { graph } = buildStageGraph(dockerfile, {
    target: platform,
    buildPlatform: platform,
    buildArgs: {},
    namedContexts: [],
  })
  expect(graph.stages).toHaveLength(5000)
  // For each of them those below were looked at, and for each of these all others
  expect(checkText(`${stages.join('\n')}\nWORKDIR x`, { platforms: ['linux/amd64'] }).map(({ rule }) => rule)).toEqual([
    'WorkdirRelativePath',
  ])
})

test('patterns that make backtracking matchers hang', () => {
  const path = `${'a/'.repeat(2000)}b`
  expect(compileIgnorePattern(`${'**/a/'.repeat(100)}c**`).matches(path)).toBe(false)
  expect(compilePattern(`${'*a'.repeat(300)}b*`).matches('a'.repeat(4000))).toBe(false)
  expect(compileIgnorePattern('**/*'.repeat(25_000)).matches('a/b/c')).toBe(false)
  expect(parseIgnore(`${'**/'.repeat(50_000)}x*`, { file: 'f' }).matches(path)).toBe(false)
  expect(parseIgnore('x', { file: 'f' }).matches('a/'.repeat(2000))).toBe(false)
  expect(compileIgnorePattern('a{1000}*'.repeat(100)).matches('a'.repeat(300))).toBe(false)
  expect(() => compileIgnorePattern('a{1000}*'.repeat(1000)).matches('a')).toThrow('it is too large')
})
