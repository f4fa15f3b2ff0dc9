import { describe, expect, test } from 'vitest'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import type { ResolvedImage } from '../../src/content/resolved-image.ts'
import { lower } from '../../src/engine/lower.ts'
import type { Lowered, VertexTable } from '../../src/engine/lowered.ts'
import type { Vertex } from '../../src/engine/vertex.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { formatPlatform, parsePlatform, type Platform } from '../../src/platform.ts'

/** A base image that is another one for every platform. */
function imageFor(name: string, platform: Platform): ResolvedImage {
  const os = { os: platform.os, architecture: platform.architecture }
  return {
    name,
    manifest: { mediaType: MEDIA_TYPE.manifest, digest: sha256(`${name} ${formatPlatform(platform)}`), size: 1 },
    config: {
      ...os,
      config: { Env: ['PATH=/bin', `BASE=${name}`], Cmd: ['sh'] },
      rootfs: { type: 'layers', diff_ids: [] },
      history: [{ created_by: 'base' }],
    },
    layers: [],
  }
}

/** Lowers a Dockerfile for platforms, as one build does. */
function lowerAll(
  dockerfile: string,
  platforms: readonly string[] = ['linux/amd64'],
  extra: { buildArgs?: Record<string, string>; targetStage?: string } = {},
): { lowered: Lowered[]; table: VertexTable } {
  const table: VertexTable = new Map()
  const parsed = parseDockerfile(dockerfile, { file: 'Dockerfile' })
  expect(parsed.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  const lowered = platforms.map((platform) => {
    const { graph, diagnostics } = buildStageGraph(parsed.dockerfile, {
      target: parsePlatform(platform),
      buildPlatform: parsePlatform('linux/amd64'),
      buildArgs: extra.buildArgs ?? {},
      namedContexts: ['ctx'],
      folderContexts: ['ctx'],
      ...(extra.targetStage === undefined ? {} : { targetStage: extra.targetStage }),
    })
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    return lower(graph, {
      table,
      context: { kind: 'folder', path: '/context' },
      scope: {
        container: { network: 'host', hosts: [], ulimits: [] },
        inputs: {
          secret: async () => undefined,
          agent: () => undefined,
          sourceOf: (...source) => source,
          close: async () => undefined,
        },
      },
      imageFor: (source, stage) =>
        source.kind === 'context'
          ? { kind: 'folder', name: source.name, path: `/${source.name}` }
          : imageFor(source.ref, source.platform ?? stage.platform),
    })
  })
  return { lowered, table }
}

const one = (dockerfile: string, extra?: Parameters<typeof lowerAll>[2], platform = 'linux/amd64') =>
  lowerAll(dockerfile, [platform], extra).lowered[0]!
const idOf = (...args: Parameters<typeof one>) => one(...args).vertex.id
/** The steps that lead to a vertex, first to last. */
const chain = (vertex: Vertex): string[] =>
  'parent' in vertex
    ? [...chain(vertex.parent), vertex.shown.name]
    : [vertex.kind === 'scratch' ? 'scratch' : vertex.shown.name]

describe('a vertex', () => {
  test('leads back to its base, each step with its number, stage and platform', () => {
    expect(chain(one('FROM busybox AS app\nWORKDIR /w\nENV A=1\nCOPY . .\nRUN make\nCMD ["x"]\n').vertex)).toEqual([
      '[linux/amd64 app 1/4] FROM busybox',
      '[linux/amd64 app 2/4] WORKDIR /w',
      '[linux/amd64 app 3/4] COPY . .',
      '[linux/amd64 app 4/4] RUN make',
    ])
    expect(chain(one('FROM scratch\nCOPY a /\n').vertex)).toEqual(['scratch', '[linux/amd64 stage-0 2/2] COPY a /'])
  })

  test('of a stage that is built on another leads through that one', () => {
    expect(chain(one('FROM busybox AS a\nRUN one\nFROM a AS b\nRUN two\n').vertex)).toEqual([
      '[linux/amd64 a 1/2] FROM busybox',
      '[linux/amd64 a 2/2] RUN one',
      '[linux/amd64 b 2/2] RUN two',
    ])
  })

  test('says on which platform it runs for which', () => {
    const text =
      'FROM --platform=$BUILDPLATFORM busybox AS build\nARG TARGETARCH\nRUN make $TARGETARCH\nFROM scratch\nCOPY --from=build /x /x\n'
    const vertex = one(text, {}, 'linux/arm64').vertex
    expect(vertex.kind === 'copy' && vertex.from && 'shown' in vertex.from ? vertex.from.shown.name : '').toBe(
      '[linux/amd64->arm64 build 2/2] RUN make $TARGETARCH',
    )
  })

  test('reads from a folder by its name', () => {
    const vertex = one('FROM scratch\nCOPY --from=ctx a /\n').vertex
    expect(vertex.kind === 'copy' && vertex.from).toEqual({ kind: 'folder', path: '/ctx' })
  })
})

describe('what is done once for two platforms', () => {
  const count = (dockerfile: string) => {
    const { table } = lowerAll(dockerfile, ['linux/amd64', 'linux/arm64'])
    return [...table.values()].filter((vertex) => vertex.kind === 'run').length
  }

  test.each([
    [
      'a stage on the build platform that does not ask for the target',
      'FROM --platform=$BUILDPLATFORM busybox AS g\nRUN gen\nFROM scratch\nCOPY --from=g /g /g\n',
      1,
    ],
    [
      'one that asks for the target in its second step',
      'FROM --platform=$BUILDPLATFORM busybox AS g\nRUN deps\nARG TARGETARCH\nRUN build\nFROM scratch\nCOPY --from=g /g /g\n',
      3,
    ],
    ['a stage on the target platform', 'FROM busybox\nRUN x\n', 2],
    [
      'two stages that are the same',
      'FROM --platform=$BUILDPLATFORM busybox AS a\nRUN same\nFROM --platform=$BUILDPLATFORM busybox AS b\nRUN same\nFROM scratch\nCOPY --from=a /x /\nCOPY --from=b /x /\n',
      1,
    ],
  ])('%s: %#', (_name, dockerfile, runs) => {
    expect(count(dockerfile)).toBe(runs)
  })

  test('is shown for both', () => {
    const { table } = lowerAll(
      'FROM --platform=$BUILDPLATFORM busybox AS g\nRUN gen\nFROM scratch\nCOPY --from=g /g /g\n',
      ['linux/amd64', 'linux/arm64'],
    )
    const run = [...table.values()].find((vertex) => vertex.kind === 'run')!
    expect([...run.shown.platforms]).toEqual(['linux/amd64', 'linux/arm64'])
  })
})

describe('a key', () => {
  const base = 'FROM busybox\nRUN make\n'

  test.each<[string, string]>([
    ['another command', 'FROM busybox\nRUN make all\n'],
    ['another base', 'FROM other\nRUN make\n'],
    ['a variable', 'FROM busybox\nENV A=1\nRUN make\n'],
    ['its value', 'FROM busybox\nENV A=2\nRUN make\n'],
    ['an argument with a value', 'FROM busybox\nARG A=1\nRUN make\n'],
    ['a user', 'FROM busybox\nUSER 5\nRUN make\n'],
    ['a shell', 'FROM busybox\nSHELL ["/bin/ash", "-c"]\nRUN make\n'],
    ['the exec form', 'FROM busybox\nRUN ["make"]\n'],
    ['a folder', 'FROM busybox\nWORKDIR /w\nRUN make\n'],
    ['a network', 'FROM busybox\nRUN --network=none make\n'],
    ['a heredoc', 'FROM busybox\nRUN <<E\nmake\nE\n'],
    ['a step before it', 'FROM busybox\nRUN first\nRUN make\n'],
  ])('changes with %s', (_name, dockerfile) => {
    expect(idOf(dockerfile)).not.toBe(idOf(base))
  })

  test('changes with all of these in another way', () => {
    const texts = [
      'ENV A=1',
      'ENV A=2',
      'ENV B=1',
      'ARG C=1',
      'USER 1',
      'USER 2',
      'USER 1:1',
      'WORKDIR /1',
      'RUN 1',
      'COPY 1 /1',
      'COPY 1 /2',
      'COPY 2 /1',
      'COPY --chown=1 1 /1',
      'COPY --chmod=1 1 /1',
      'ADD 1 /1',
      'COPY --from=ctx 1 /1',
    ]
    const ids = texts.map((line) => idOf(`FROM busybox\n${line}\nRUN make\n`))
    expect(new Set(ids).size).toBe(texts.length)
  })

  test.each<[string, string]>([
    ['labels', 'FROM busybox\nLABEL a=b\nRUN make\n'],
    ['ports, volumes and the like', 'FROM busybox\nEXPOSE 80\nVOLUME /v\nSTOPSIGNAL 9\nRUN make\n'],
    ['commands', 'FROM busybox\nCMD ["x"]\nENTRYPOINT ["y"]\nRUN make\n'],
    ['the name of its stage', 'FROM busybox AS named\nRUN make\n'],
    ['comments', '# hello\nFROM busybox\n# there\nRUN make\n'],
    ['an argument without a value', 'FROM busybox\nARG NOTHING\nRUN make\n'],
  ])('does not change with %s', (_name, dockerfile) => {
    expect(idOf(dockerfile)).toBe(idOf(base))
  })

  test('changes with the value of a build argument where it is visible, and only there', () => {
    const text = 'FROM busybox AS a\nRUN before\nARG V=1\nRUN after\n'
    const [plain, other] = [one(text), one(text, { buildArgs: { V: '2' } })]
    expect(other.vertex.id).not.toBe(plain.vertex.id)
    expect(
      'parent' in other.vertex && 'parent' in plain.vertex && other.vertex.parent.id === plain.vertex.parent.id,
    ).toBe(true)
    expect(one(text, { buildArgs: { V: '1' } }).vertex.id).toBe(plain.vertex.id)
  })

  test('does not change with proxies', () => {
    expect(idOf(base, { buildArgs: { HTTP_PROXY: 'http://user:secret@proxy' } })).toBe(idOf(base))
  })

  test('of a copy between stages changes with what the stage did', () => {
    const text = (command: string) => `FROM busybox AS a\nRUN ${command}\nFROM scratch\nCOPY --from=a /x /x\n`
    expect(idOf(text('one'))).not.toBe(idOf(text('two')))
    expect(idOf(text('one'))).toBe(idOf(text('one')))
  })

  test('differs between platforms that need different programs', () => {
    const { lowered } = lowerAll(base, ['linux/amd64', 'linux/arm64', 'linux/arm/v7'])
    expect(new Set(lowered.map(({ vertex }) => vertex.id)).size).toBe(3)
  })
})

describe('config and history', () => {
  test('are those of the whole way from the base', () => {
    const lowered = one('FROM busybox AS a\nENV A=1\nRUN x\nFROM a\nLABEL l=1\nUSER app\nCOPY f /\nCMD ["run"]\n')
    expect(lowered.base?.config?.Env).toEqual(['PATH=/bin', 'BASE=busybox'])
    expect(lowered.config).toMatchObject({
      Env: ['PATH=/bin', 'BASE=busybox', 'A=1'],
      Labels: { l: '1' },
      User: 'app',
      Cmd: ['run'],
    })
    expect(
      lowered.history.map(({ entry, vertex }) => [entry.created_by?.split(' ')[0], vertex?.kind ?? 'meta']),
    ).toEqual([
      ['ENV', 'meta'],
      ['RUN', 'run'],
      ['LABEL', 'meta'],
      ['USER', 'meta'],
      ['COPY', 'copy'],
      ['CMD', 'meta'],
    ])
    expect(
      lowered.history.every(({ entry, vertex }) =>
        vertex ? entry.empty_layer === undefined : entry.empty_layer === true,
      ),
    ).toBe(true)
  })

  test('of an image from scratch begin with nothing', () => {
    const lowered = one('FROM scratch\nCMD ["/x"]\n')
    expect([lowered.base, lowered.vertex.kind, lowered.config.Cmd]).toEqual([undefined, 'scratch', ['/x']])
  })
})
