import { describe, expect, test } from 'vitest'
import { formatNeutral, neutralStages, parseNeutral } from '../../src/ci/neutral.ts'
import { parseArgv } from '../../src/cli/command-line.ts'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { formatPlatform, parsePlatform } from '../../src/platform.ts'

const graphOf = (text: string, target: string, options: { build?: string; pinned?: string } = {}) =>
  buildStageGraph(parseDockerfile(text, { file: 'Dockerfile' }).dockerfile, {
    target: parsePlatform(target),
    buildPlatform: parsePlatform(options.build ?? 'linux/amd64'),
    buildArgs: {},
    namedContexts: [],
    ...(options.pinned === undefined ? {} : { pinned: parseNeutral(options.pinned, '--neutral') }),
  }).graph
const neutralIn = (text: string) => neutralStages(['linux/amd64', 'linux/arm64'].map((target) => graphOf(text, target)))

describe('stages that one runner builds for all', () => {
  test.each<[what: string, dockerfile: string, stages: readonly string[]]>([
    [
      'one whose files are copied',
      'FROM --platform=$BUILDPLATFORM node AS assets\nRUN make\nFROM debian\nCOPY --from=assets /a /a',
      ['assets'],
    ],
    [
      'two that are made from a third',
      'FROM --platform=$BUILDPLATFORM node AS deps\nRUN ci\nFROM deps AS one\nRUN a\nFROM deps AS two\nRUN b\n' +
        'FROM debian\nCOPY --from=one /a /a\nRUN --mount=type=bind,from=two,target=/b cp /b/x /x',
      ['one', 'two'],
    ],
    ['one of every platform', 'FROM node AS assets\nRUN make\nFROM debian\nCOPY --from=assets /a /a', []],
    [
      'one that cross-compiles',
      'FROM --platform=$BUILDPLATFORM go AS b\nARG TARGETARCH\nRUN make\nFROM debian\nCOPY --from=b /a /a',
      [],
    ],
    [
      'one whose programs a cross-compiling stage runs',
      'FROM --platform=$BUILDPLATFORM go AS deps\nRUN get\nFROM deps AS b\nARG TARGETARCH\nRUN make\nFROM debian\nCOPY --from=b /a /a',
      [],
    ],
    [
      'one whose files a cross-compiling stage takes, which may be programs',
      'FROM --platform=$BUILDPLATFORM go AS tool\nRUN get\nFROM --platform=$BUILDPLATFORM go AS b\nARG TARGETARCH\n' +
        'COPY --from=tool /t /t\nRUN /t\nFROM debian\nCOPY --from=b /a /a\nCOPY --from=tool /t /t',
      [],
    ],
    [
      'one that is made from such a one',
      'FROM --platform=$BUILDPLATFORM go AS deps\nRUN get\nFROM deps AS docs\nRUN doc\nFROM deps AS b\nARG TARGETARCH\nRUN make\n' +
        'FROM debian\nCOPY --from=b /a /a\nCOPY --from=docs /d /d',
      [],
    ],
    ['one in which nothing runs', 'FROM --platform=$BUILDPLATFORM node AS a\nFROM debian\nCOPY --from=a /a /a', []],
    ['one without a name', 'FROM --platform=$BUILDPLATFORM node\nRUN make\nFROM debian\nCOPY --from=0 /a /a', []],
    ['the target itself', 'FROM --platform=$BUILDPLATFORM node AS assets\nRUN make', []],
  ])('%s', (_, dockerfile, stages) => expect(neutralIn(dockerfile)).toEqual(stages))

  test('of a long chain of stages the last one is taken', () => {
    const chain = Array.from(
      { length: 1000 },
      (_, index) => `FROM ${index === 0 ? 'a' : `s${index - 1}`} AS s${index}\nRUN x\n`,
    )
    const text = `${chain.join('').replace('FROM a', 'FROM --platform=$BUILDPLATFORM a')}FROM debian\nCOPY --from=s999 /a /a`
    expect(neutralIn(text)).toEqual(['s999'])
  })

  test('one platform has nothing in common with others', () => {
    const text = 'FROM --platform=$BUILDPLATFORM node AS a\nRUN make\nFROM debian\nCOPY --from=a /a /a'
    expect(neutralStages([graphOf(text, 'linux/amd64')])).toEqual([])
  })

  test('a machine of another platform makes them as the first one does, and its own stages as ever', () => {
    const text =
      'FROM --platform=$BUILDPLATFORM node AS deps\nRUN ci\nFROM deps AS assets\nARG BUILDPLATFORM\nRUN make\n' +
      'FROM --platform=$BUILDPLATFORM go AS b\nARG TARGETARCH\nRUN make\nFROM debian\nCOPY --from=assets /a /a\nCOPY --from=b /b /b'
    const here = graphOf(text, 'linux/arm64')
    const there = graphOf(text, 'linux/arm64', { build: 'linux/arm64', pinned: 'linux/amd64=ASSETS' })
    expect(there.stages.map(({ platform }) => formatPlatform(platform))).toEqual([
      'linux/amd64',
      'linux/amd64',
      'linux/arm64',
      'linux/arm64',
    ])
    const prints = (graph: typeof here) => graph.stages.slice(0, 2).map(({ fingerprint }) => fingerprint)
    expect(prints(there)).toEqual(prints(here))
    expect(there.stages[1]!.args.global['BUILDPLATFORM']).toBe('linux/amd64')
    expect(there.stages[2]!.args.global['BUILDPLATFORM']).toBe('linux/arm64')
  })
})

test('they are written as the flag reads them, which refuses other texts', () => {
  const text = 'linux/amd64=assets,deps'
  expect(formatNeutral(parseNeutral(text, '--neutral'))).toBe(text)
  for (const wrong of ['assets', 'linux/amd64=', 'linux/amd64=a b', 'linux/amd64=../x', '=a'])
    expect(() => parseNeutral(wrong, '--neutral')).toThrow('Cannot use --neutral')
  expect(() => parseNeutral('nowhere=a', '--neutral')).toThrow('nowhere')
})

describe('command lines', () => {
  const parse = (line: string) =>
    parseArgv(['ci', ...line.split(' ')], {}, { cwd: '/', localPlatform: parsePlatform('linux/amd64') })
  const LEG = 'build --neutral linux/amd64=a'
  test.each<[line: string, message: RegExp]>([
    [`${LEG} --leg linux/arm64 --leg-folder x .`, /from a cache: there is none/],
    [`${LEG} --leg linux/arm64 --first --cache-to type=gha .`, /stages of --neutral for linux\/arm64/],
    [
      `${LEG} --leg linux/amd64 --leg-folder x --cache-from a.example/b --bake-file x.hcl --image a`,
      /images of a file/,
    ],
    ['plan --platform linux/amd64 .', /takes PATH with --waves only/],
    ['plan --waves --platform linux/amd64', /PATH is missing/],
    ['plan --platform linux/amd64 --set a.b=c', /"--set" without a bake file/],
  ])('%s is refused', (line, message) => expect(() => parse(line)).toThrow(message))

  test('those that are planned are read', () => {
    for (const line of [
      'plan --waves --platform linux/amd64 .',
      `${LEG} --leg linux/amd64 --first --cache-to type=gha .`,
      `${LEG} --leg linux/arm64 --leg-folder x --cache-from type=gha .`,
    ])
      expect(parse(line)).toMatchObject({ command: 'ci' })
  })
})
