import { describe, expect, test } from 'vitest'
import { viewOf } from '../../src/dockerfile/checks/view.ts'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { outlineOf, targetsOf } from '../../src/dockerfile/outline.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { parsePlatform } from '../../src/platform.ts'

const TEXT = `# FOO the version
ARG FOO=1
ARG UNUSED=2
ARG BASE=scratch
# base it is the base
FROM \${BASE} AS base
ARG FOO TARGETARCH
# another comment
# BAR the bar
ARG BAR=$FOO
RUN --mount=type=secret,id=sec,required=true --mount=type=ssh --mount=type=cache,target=/x,id=c true
RUN --mount=type=secret,target=/run/secrets/other --mount=type=secret,env=ZED,id=zed true
FROM scratch AS other
ARG OTHER
FROM scratch AS unneeded
ARG NOT_THIS
# rel the release
FROM base AS Rel
RUN --mount=type=ssh,id=a,required true
COPY --from=other a /b
`

const { dockerfile } = parseDockerfile(TEXT, { file: 'Dockerfile' })

function outline(buildArgs: Record<string, string> = {}, targetStage?: string) {
  const platform = parsePlatform('linux/amd64')
  const { graph } = buildStageGraph(dockerfile, {
    target: platform,
    buildPlatform: platform,
    buildArgs,
    namedContexts: [],
    ...(targetStage ? { targetStage } : {}),
  })
  return outlineOf(
    dockerfile,
    viewOf(graph, () => undefined),
  )
}

const at = (line: number) => ({ file: 'Dockerfile', line })

describe('an outline', () => {
  test('holds what the target and its stages take', () => {
    expect(outline()).toEqual({
      name: 'rel',
      description: 'the release',
      args: [
        { name: 'BASE', value: 'scratch', at: at(4) },
        { name: 'FOO', description: 'the version', value: '1', at: at(7) },
        { name: 'BAR', description: 'the bar', value: '1', at: at(10) },
        { name: 'OTHER', at: at(14) },
      ],
      secrets: [
        { name: 'sec', required: true, at: at(11) },
        { name: 'other', at: at(12) },
        { name: 'zed', at: at(12) },
      ],
      ssh: [
        { name: 'default', at: at(11) },
        { name: 'a', required: true, at: at(19) },
      ],
    })
  })

  test('is of the stage asked for, with the values given', () => {
    expect(outline({ FOO: '9' }, 'base')).toMatchObject({
      name: 'base',
      description: 'it is the base',
      args: [{ name: 'BASE' }, { name: 'FOO', value: '9' }, { name: 'BAR', value: '9' }],
    })
    expect(outline({}, 'other')).toEqual({ name: 'other', args: [{ name: 'OTHER', at: at(14) }], secrets: [], ssh: [] })
  })
})

test('targets are all stages, the last the default', () => {
  expect(targetsOf(dockerfile)).toEqual([
    { name: 'base', description: 'it is the base', isDefault: false, base: '${BASE}', at: at(6) },
    { name: 'other', isDefault: false, base: 'scratch', at: at(13) },
    { name: 'unneeded', isDefault: false, base: 'scratch', at: at(15) },
    { name: 'rel', description: 'the release', isDefault: true, base: 'base', at: at(18) },
  ])
})
