import { describe, expect, test } from 'vitest'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import type { GraphOptions } from '../../src/dockerfile/graph-scope.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { formatPlatform, parsePlatform } from '../../src/platform.ts'

type Extra = Partial<Omit<GraphOptions, 'target' | 'buildPlatform'>> & { target?: string }

function graphOf(text: string, { target = 'linux/arm64', ...extra }: Extra = {}) {
  const { dockerfile, diagnostics } = parseDockerfile(text, { file: 'Dockerfile' })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  return buildStageGraph(dockerfile, {
    target: parsePlatform(target),
    buildPlatform: parsePlatform('linux/amd64'),
    buildArgs: {},
    namedContexts: [],
    ...extra,
  })
}

const bases = (text: string, extra?: Extra) => graphOf(text, extra).graph.stages.map(({ base }) => base)
const indexes = (text: string, extra?: Extra) => graphOf(text, extra).graph.stages.map(({ index }) => index)

describe('which stages', () => {
  const text =
    'FROM a AS one\nFROM b AS two\nCOPY --from=one /x /x\nFROM c AS unused\nFROM two AS last\nRUN --mount=from=one,target=/m true'

  test('only those that the target needs, each after its needs', () => {
    expect(indexes(text)).toEqual([0, 1, 3])
    expect(graphOf(text).graph.stages.map(({ needs }) => needs)).toEqual([[], [0], [0, 1]])
    expect(graphOf(text).graph.targetStage).toBe(3)
  })

  test('--target by name, case aside; the last of a name', () => {
    expect(indexes(text, { targetStage: 'TWO' })).toEqual([0, 1])
    expect(indexes('FROM a AS x\nFROM b AS x\nFROM c', { targetStage: 'x' })).toEqual([1])
  })

  test.each([
    ['tow', 'Cannot find target stage "tow": the stages are one, two, unused, last', 'Did you mean "two"'],
    [
      'nothing-like-it',
      'Cannot find target stage "nothing-like-it": the stages are one, two, unused, last',
      'Use the name of a stage',
    ],
    [
      '1',
      'Cannot find target stage "1": the stages are one, two, unused, last',
      'Name the stage with FROM ... AS NAME and use the name',
    ],
  ])('--target %s is refused', (targetStage, message, hint) => {
    const { graph, diagnostics } = graphOf(text, { targetStage })
    expect(graph).toMatchObject({ stages: [], targetStage: -1 })
    expect(diagnostics).toEqual([
      { rule: 'unknown-target', severity: 'error', message, hint, at: { file: 'Dockerfile', line: 1 } },
    ])
  })

  test('a problem in a stage that nobody needs stays silent', () => {
    expect(graphOf('FROM $none AS broken\nFROM a').diagnostics).toEqual([])
  })
})

describe('what FROM names', () => {
  test.each([
    ['FROM alpine', [{ kind: 'image', ref: 'alpine' }]],
    ['FROM scratch', [{ kind: 'scratch' }]],
    [
      'FROM a AS base\nFROM base',
      [
        { kind: 'image', ref: 'a' },
        { kind: 'stage', index: 0 },
      ],
    ],
    ['FROM a AS base\nFROM bAsE', [{ kind: 'image', ref: 'bAsE' }]],
    ['FROM golang AS golang', [{ kind: 'image', ref: 'golang' }]],
    ['ARG V=1\nARG I=i:$V\nFROM ${I}', [{ kind: 'image', ref: 'i:1' }]],
    ['ARG V\nFROM i:${V:-9}', [{ kind: 'image', ref: 'i:9' }]],
    ['FROM i-$TARGETARCH-$BUILDARCH', [{ kind: 'image', ref: 'i-arm64-amd64' }]],
    ['FROM i-$TARGETSTAGE AS me', [{ kind: 'image', ref: 'i-me' }]],
    ['FROM i-$TARGETSTAGE', [{ kind: 'image', ref: 'i-default' }]],
  ])('%j', (text, expected) => {
    expect(bases(text)).toEqual(expected)
  })

  test('build args win over defaults and platform ARGs', () => {
    expect(bases('ARG V=1\nFROM i:$V-$TARGETARCH', { buildArgs: { V: '2', TARGETARCH: 'mine' } })).toEqual([
      { kind: 'image', ref: 'i:2-mine' },
    ])
    expect(bases('ARG V=${none:?never}\nFROM i:$V', { buildArgs: { V: '2' } })).toEqual([{ kind: 'image', ref: 'i:2' }])
  })

  test.each([
    ['alpine', 'alpine'],
    ['alpine:latest', 'alpine'],
    ['docker.io/library/alpine', 'alpine'],
    ['alpine', 'docker.io/library/alpine:latest'],
    ['localhost:5000/x:1', 'localhost:5000/x:1'],
  ])('FROM %s is the build context %s', (image, name) => {
    expect(bases(`FROM ${image}`, { namedContexts: ['other', name] })).toEqual([{ kind: 'context', name }])
  })

  test('a build context replaces the stage of its name', () => {
    const text = 'FROM a AS deps\nRUN make\nFROM deps AS last\nCOPY --from=deps / /'
    const { stages } = graphOf(text, { namedContexts: ['deps'] }).graph
    expect(stages).toMatchObject([
      {
        index: 1,
        base: { kind: 'context', name: 'deps' },
        froms: { deps: { kind: 'context', name: 'deps' } },
        needs: [],
      },
    ])
    const [replaced] = graphOf(text, { namedContexts: ['deps'], targetStage: 'deps' }).graph.stages
    expect(replaced).toMatchObject({ base: { kind: 'context', name: 'deps' }, stage: { instructions: [] } })
  })
})

describe('what --from names', () => {
  test.each([
    ['one', { kind: 'stage', index: 0 }],
    ['ONE', { kind: 'stage', index: 0 }],
    ['0', { kind: 'stage', index: 0 }],
    ['busybox', { kind: 'image', ref: 'busybox' }],
    ['scratch', { kind: 'scratch' }],
    ['files', { kind: 'context', name: 'files' }],
  ])('%s', (from, expected) => {
    const { graph, diagnostics } = graphOf(`FROM a AS one\nFROM b\nCOPY --from=${from} / /x`, {
      namedContexts: ['files'],
    })
    expect(graph.stages.at(-1)!.froms).toEqual({ [from]: expected })
    expect(diagnostics).toEqual([])
  })

  test.each([
    ['COPY --from=later / /', 'Cannot use --from="later": stage "later" starts later, at line 4'],
    ['COPY --from=me / /', 'Cannot use --from="me": a stage cannot copy from itself'],
    ['RUN --mount=type=bind,from=later true', 'Cannot use --from="later": stage "later" starts later, at line 4'],
    ['COPY --from=1 / /', 'Cannot use --from="1": it is this stage itself'],
    ['COPY --from=2 / /', 'Cannot use --from="2": stage 2 starts later'],
    ['COPY --from=99 / /', 'Cannot use --from="99": there are 3 stages'],
    ['COPY --from=$me / /', 'Cannot use --from="$me": variables are not expanded there'],
  ])('%s is an error', (line, message) => {
    const { diagnostics } = graphOf(`FROM a AS one\nFROM b AS me\n${line}\nFROM c AS later`, { targetStage: 'me' })
    expect(diagnostics).toMatchObject([{ severity: 'error', message, at: { file: 'Dockerfile', line: 3 } }])
  })

  test('circles cannot be written: one of the two is a forward reference', () => {
    const { diagnostics } = graphOf('FROM a AS one\nCOPY --from=two / /\nFROM b AS two\nCOPY --from=one / /')
    expect(diagnostics).toMatchObject([{ rule: 'forward-stage', at: { line: 2 } }])
  })

  test('a near miss is an image, with a warning', () => {
    const { graph, diagnostics } = graphOf('FROM a AS build\nFROM b\nCOPY --from=biuld / /')
    expect(graph.stages[0]!.froms).toEqual({ biuld: { kind: 'image', ref: 'biuld' } })
    expect(diagnostics).toMatchObject([{ severity: 'warning', hint: 'Did you mean "build"', at: { line: 3 } }])
  })

  test('names of the object prototype are names', () => {
    const { graph } = graphOf(
      'FROM a\nARG constructor\nARG __proto__\nCOPY --from=__proto__ / /\nCOPY --from=constructor / /',
    )
    expect(Object.keys(graph.stages[0]!.froms).toSorted()).toEqual(['__proto__', 'constructor'])
  })
})

describe('platforms', () => {
  const platforms = (text: string, extra?: Extra) =>
    graphOf(text, extra).graph.stages.map(({ platform }) => formatPlatform(platform))

  test('the target, unless FROM says otherwise; a stage from a stage has its platform', () => {
    const text = 'FROM --platform=$BUILDPLATFORM a AS build\nFROM build AS more\nFROM b\nCOPY --from=more / /'
    expect(platforms(text, { target: 'linux/arm/v7' })).toEqual(['linux/amd64', 'linux/amd64', 'linux/arm/v7'])
    expect(platforms('ARG P=linux/riscv64\nFROM --platform=${P} a')).toEqual(['linux/riscv64'])
  })

  test('--platform on a stage of another platform says that it does nothing', () => {
    const { diagnostics } = graphOf('FROM --platform=linux/386 a AS x\nFROM --platform=linux/arm64 x')
    expect(diagnostics).toMatchObject([{ rule: 'platform-of-stage', severity: 'warning', at: { line: 2 } }])
  })

  test('a stage of the build platform copies from images of the target platform', () => {
    const text = 'FROM --platform=$BUILDPLATFORM a\nCOPY --from=img / /\nCOPY --from=files / /\nCOPY --from=other / /'
    const { froms } = graphOf(text, { namedContexts: ['files', 'other'], folderContexts: ['files'] }).graph.stages[0]!
    const platform = parsePlatform('linux/arm64')
    expect(froms).toEqual({
      img: { kind: 'image', ref: 'img', platform },
      files: { kind: 'context', name: 'files' },
      other: { kind: 'context', name: 'other', platform },
    })
  })

  test.each([
    [
      'FROM $NONE',
      'Cannot use image name "$NONE": it is empty',
      'Write ARG NONE=VALUE before the first FROM, or use --build-arg with it',
    ],
    [
      'FROM --platform=$BUILDPLATFROM a',
      'Cannot use platform "$BUILDPLATFROM": it is empty',
      'Did you mean "BUILDPLATFORM"',
    ],
    [
      'FROM ${NONE:?missing}',
      'Cannot expand "${NONE:?missing}": NONE: missing',
      'Set it, for example with --build-arg NONE=VALUE',
    ],
  ])('%s is an error', (text, message, hint) => {
    expect(graphOf(text).diagnostics).toMatchObject([
      { severity: 'error', message, hint, at: { file: 'Dockerfile', line: 1 } },
    ])
  })

  test('a platform that is none is an error with its line', () => {
    expect(graphOf('FROM a AS x\nFROM --platform=a/b/c/d x').diagnostics).toMatchObject([
      { rule: 'bad-platform', severity: 'error', at: { line: 2 } },
    ])
  })
})

describe('fingerprints', () => {
  const shared = (text: string, extra?: Extra, targets = ['linux/amd64', 'linux/arm64']) => {
    const [one, two] = targets.map((target) =>
      graphOf(text, { ...extra, target }).graph.stages.map(({ fingerprint }) => fingerprint),
    )
    return one!.map((fingerprint, index) => fingerprint === two![index])
  }
  const build = 'FROM --platform=$BUILDPLATFORM a AS build\n'

  test.each<[string, string, boolean, Extra?]>([
    ['nothing of the target is named', 'RUN make', true],
    ['an ARG of the target is declared', 'ARG TARGETARCH\nRUN make', false],
    ['ARGs of the build are declared', 'ARG BUILDARCH\nARG BUILDPLATFORM', true],
    ['an ARG that is equal for both', 'ARG TARGETOS\nARG TARGETVARIANT', true],
    ['a variable that is used but not declared', 'RUN echo $TARGETARCH\nENV A=$TARGETARCH', true],
    ['the declared ARG has its own default', 'ARG TARGETARCH=x', true],
    ['a build arg replaces the platform ARG', 'ARG TARGETARCH', true, { buildArgs: { TARGETARCH: 'x' } }],
    ['a copy from an image', 'COPY --from=img / /', false],
    ['a copy from a folder', 'COPY --from=dir / /', true, { namedContexts: ['dir'], folderContexts: ['dir'] }],
    ['a copy from a context that is no folder', 'COPY --from=dir / /', false, { namedContexts: ['dir'] }],
  ])('on the build platform: %s', (_, lines, expected, extra) => {
    expect(shared(build + lines, extra)).toEqual([expected])
  })

  test('a stage of the target platform is its own work', () => {
    expect(shared('FROM a')).toEqual([false])
    expect(shared('FROM scratch')).toEqual([false])
    expect(shared('FROM --platform=linux/amd64 a')).toEqual([true])
    expect(shared('FROM a', {}, ['linux/arm64', 'linux/arm64/v8'])).toEqual([true])
    expect(shared('FROM a', {}, ['linux/arm/v6', 'linux/arm/v7'])).toEqual([false])
  })

  test('needs count', () => {
    expect(shared(`${build}ARG TARGETARCH\nFROM build AS child\nRUN x`)).toEqual([false, false])
    expect(shared(`${build}FROM build AS child\nRUN x\nFROM --platform=linux/amd64 b\nCOPY --from=child / /`)).toEqual([
      true,
      true,
      true,
    ])
    expect(shared(`FROM b AS target\nFROM --platform=$BUILDPLATFORM a\nCOPY --from=target / /`)).toEqual([false, false])
  })

  test('a global ARG that has the target in it counts where it is declared', () => {
    expect(shared(`ARG DIR=/out/$TARGETARCH\n${build}ARG DIR`)).toEqual([false])
    expect(shared(`ARG DIR=/out/$TARGETARCH\n${build}RUN x`)).toEqual([true])
    expect(shared('FROM --platform=$BUILDPLATFORM a-$TARGETARCH')).toEqual([false])
  })

  test('triggers of the stage it is built from count', () => {
    expect(shared(`${build}ONBUILD ARG TARGETARCH\nFROM build\nRUN x`)).toEqual([true, false])
  })
})

describe('triggers that go round in circles', () => {
  test.each([
    ['ONBUILD COPY --from=b /x /x\nFROM a AS b', 'Cannot use --from="b": a stage cannot copy from itself'],
    ['ONBUILD RUN --mount=from=b true\nFROM a AS b', 'Cannot use --from="b": a stage cannot copy from itself'],
    [
      'ONBUILD COPY --from=c /x /x\nFROM a AS b\nFROM b AS c',
      'Cannot use --from="c": stage "c" starts later, at line 4',
    ],
  ])('%j', (lines, message) => {
    const { diagnostics } = graphOf(`FROM x AS a\n${lines}`)
    expect(diagnostics.map(({ message: said, at }) => [said, at.line])).toEqual([[message, 3]])
  })

  test('a stage may copy from the stage that its trigger comes from', () => {
    expect(bases('FROM x AS a\nONBUILD COPY --from=a /x /x\nFROM a AS b')).toEqual([
      { kind: 'image', ref: 'x' },
      { kind: 'stage', index: 0 },
    ])
  })
})
