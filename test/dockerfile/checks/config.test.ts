import { expect, test } from 'vitest'
import { parseCheckConfig } from '../../../src/dockerfile/checks/config.ts'
import { findings, checkText } from './check-text.ts'

const BODY = 'FROM scratch AS A\nCMD a\nENV a b\n'
const ALL = ['StageNameCasing:2', 'JSONArgsRecommended:3', 'LegacyKeyValueFormat:4']

test.each([
  ['# check=skip=JSONArgsRecommended', ['StageNameCasing:2', 'LegacyKeyValueFormat:4']],
  ['# check=skip=JSONArgsRecommended,StageNameCasing;error=false', ['LegacyKeyValueFormat:4']],
  // Options end at the first blank; a reason may follow
  ['# check=skip=JSONArgsRecommended // the base has a shell', ['StageNameCasing:2', 'LegacyKeyValueFormat:4']],
  ['# check=skip=all //why', []],
  ['# check=skip=all\t', []],
  ['# check=skip=StageNameCasing, JSONArgsRecommended', ['unknown-check:1', ...ALL.slice(1)]],
  ['# check=skip=StageNameCasing for now', ['unknown-check:1', ...ALL.slice(1)]],
  ['# CHECK = skip=all', []],
  ['# check=error=true', ALL],
  ['# check=skip=OfANewerBuilder', ALL],
  ['# check=skip=jsonargsrecommended', ['unknown-check:1', ...ALL]],
  ['# check=skip=JSONArgRecommended', ['unknown-check:1', ...ALL]],
])('%s', (directive, expected) => {
  expect(findings(`${directive}\n${BODY}`)).toEqual(expected)
})

test('error=true makes no error of what BuildKit would not find', () => {
  const found = checkText('# check=error=true\nARG BUILDPLATFORM=linux/amd64\nFROM scratch AS a\nCMD a\n')
  expect(found.map(({ rule, severity }) => [rule, severity])).toEqual([
    ['PlatformArgDefaultDisallowed', 'warning'],
    ['JSONArgsRecommended', 'error'],
  ])
})

test('error=true makes errors of all findings', () => {
  const severities = (text: string) => new Set(checkText(text).map(({ severity }) => severity))
  expect(severities(`# check=error=true\n${BODY}`)).toEqual(new Set(['error']))
  expect(severities(BODY)).toEqual(new Set(['warning']))
})

test('the build arg takes the place of the directive', () => {
  const text = `# check=skip=all;error=true\n${BODY}`
  const found = checkText(text, { buildArgs: { BUILDKIT_DOCKERFILE_CHECK: 'skip=LegacyKeyValueFormat' } })
  expect(found.map(({ rule, severity }) => [rule, severity])).toEqual([
    ['StageNameCasing', 'warning'],
    ['JSONArgsRecommended', 'warning'],
  ])
})

test.each([['foo=bar'], ['skip'], ['error=maybe'], ['skip=A;;x']])('%s is refused with its place', (option) => {
  expect(() => findings(`# check=${option}\n${BODY}`)).toThrow(
    expect.objectContaining({
      code: 'BAD_DOCKERFILE',
      message: expect.stringContaining('Cannot use check option'),
      at: { file: 'Dockerfile', line: 1 },
    }),
  )
})

test('options are read with blanks around them', () => {
  expect(parseCheckConfig(' skip = A , B ; error = 1 ; experimental = all ')).toEqual({
    skip: new Set(['A', 'B']),
    experimental: 'all',
    error: true,
  })
  expect(parseCheckConfig('')).toEqual({ skip: new Set(), experimental: new Set(), error: false })
})

test.each([
  ['above an instruction', 'FROM scratch\n# check=skip=JSONArgsRecommended\nCMD a\n', []],
  ['among other comments', 'FROM scratch\n# why\n# check=skip=all\n# and more\nCMD a\n', []],
  ['with a reason', 'FROM scratch\n# check=skip=JSONArgsRecommended // it has one\nCMD a\n', []],
  ['with a word more', 'FROM scratch\n# check=skip=JSONArgsRecommended today\nCMD a\n', ['unknown-check:3']],
  ['for another rule', 'FROM scratch\n# check=skip=UndefinedVar\nCMD a\n', ['JSONArgsRecommended:3']],
  ['not right above', 'FROM scratch\n# check=skip=all\n\nCMD a\n', ['JSONArgsRecommended:4']],
  ['for that instruction only', 'FROM scratch\n# check=skip=all\nENV a b\nENV c d\n', ['LegacyKeyValueFormat:4']],
  [
    'above FROM, for the stage',
    'ARG x\n# check=skip=all\nFROM scratch AS A\nCMD a\nENV a b\nFROM scratch\nCMD c\n',
    ['JSONArgsRecommended:7'],
  ],
  ['for an empty line in it', 'FROM scratch\n# check=skip=NoEmptyContinuation\nRUN a \\\n\n b\n', []],
  ['misspelt', 'FROM scratch\n# check=skp=all\nCMD a\n', ['unknown-check:3', 'JSONArgsRecommended:3']],
])('a comment %s', (_, text, expected) => {
  expect(findings(text)).toEqual(expected)
})
