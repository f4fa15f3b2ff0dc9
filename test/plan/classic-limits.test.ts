import { expect, test } from 'vitest'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { classicLimit, classicText } from '../../src/plan/classic-limits.ts'
import { planBuild } from '../../src/plan/plan.ts'
import type { Node } from '../../src/plan/types.ts'
import { parsePlatform } from '../../src/platform.ts'

const amd64 = parsePlatform('linux/amd64')

function graph(text: string, target = amd64, namedContexts: readonly string[] = []) {
  const { dockerfile } = parseDockerfile(text, { file: 'Dockerfile' })
  return buildStageGraph(dockerfile, { target, buildPlatform: amd64, buildArgs: {}, namedContexts, folderContexts: [] })
    .graph
}

test.each([
  ['RUN true', undefined, undefined],
  ['RUN ["true"]\nCOPY --chown=1 --from=x a b\nADD a.tar /', undefined, undefined],
  ['RUN --mount=type=cache,target=/c true', 'RUN --mount', undefined],
  ['RUN --mount=type=secret,id=a true', 'RUN --mount', 'RUN --mount=type=secret or ssh'],
  ['RUN --network=none true', 'RUN --network', undefined],
  ['RUN <<E\ntrue\nE', 'a heredoc', 'a heredoc'],
  ['COPY <<E /a\ntrue\nE', 'a heredoc', 'a heredoc'],
  ['COPY --chmod=755 a /', 'COPY --chmod', undefined],
  ['COPY --link a /', 'COPY --link', 'COPY --link'],
  ['COPY --exclude=b a /', 'COPY --exclude', 'COPY --exclude'],
  [
    'ADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 http://x/a /',
    'ADD --checksum',
    'ADD --checksum',
  ],
])('%j: docker: %s, podman: %s', (line, docker, podman) => {
  const found = (builder: 'docker' | 'podman') => classicLimit(graph(`FROM x\n${line}\n`), builder)
  expect(found('docker')?.what).toBe(docker)
  expect(found('podman')?.what).toBe(podman)
  if (docker) expect(found('docker')!.at).toMatchObject({ file: 'Dockerfile', line: 2 })
})

test('stages for other platforms and named contexts', () => {
  const arm64 = parsePlatform('linux/arm64')
  expect(
    classicLimit(graph('FROM --platform=$BUILDPLATFORM x AS a\nFROM x\nCOPY --from=a / /', arm64), 'docker')?.what,
  ).toBe('a stage for linux/amd64 in an image for linux/arm64')
  expect(
    classicLimit(graph('FROM --platform=$BUILDPLATFORM x AS a\nFROM x\nCOPY --from=a / /'), 'docker'),
  ).toBeUndefined()
  expect(classicLimit(graph('FROM x', amd64, ['x']), 'podman')?.what).toBe('a named context')
})

test('FROM loses its platform, and no other line changes', () => {
  const text =
    'ARG A=--platform=x\nFROM --platform=$BUILDPLATFORM x AS a\nRUN echo --platform=y\nFROM \\\n  --platform=linux/amd64 \\\n  y\n'
  expect(classicText(text, parseDockerfile(text, { file: 'Dockerfile' }).dockerfile)).toBe(
    'ARG A=--platform=x\nFROM  x AS a\nRUN echo --platform=y\nFROM \\\n   \\\n  y\n',
  )
})

test('the planner passes over a node whose builder cannot do it, and tells why', () => {
  const node = (name: string, more: Partial<Node>): Node => ({
    name,
    endpoint: name,
    driver: 'buildkit',
    native: [amd64],
    emulated: [],
    slots: 4,
    ...more,
  })
  const old = node('old', { driver: 'docker', classic: 'docker' })
  const input = {
    dockerfile: 'Dockerfile',
    buildPlatform: amd64,
    graphs: [graph('FROM x\nRUN --mount=type=cache,target=/c true')],
  }
  const [job] = planBuild({ ...input, nodes: [old, node('new', {})] }).jobs
  expect(job!.decision).toMatchObject({
    strategy: { node: 'new' },
    rejected: [{ node: 'old', because: 'its builder, without BuildKit, does not support RUN --mount' }],
  })
  expect(() => planBuild({ ...input, nodes: [old] })).toThrow(
    expect.objectContaining({
      code: 'NO_NODE',
      at: { file: 'Dockerfile', line: 2 },
      hint: expect.stringContaining('a node with BuildKit'),
    }),
  )
})
