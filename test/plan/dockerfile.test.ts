import { expect, test } from 'vitest'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { planBuild } from '../../src/plan/plan.ts'
import type { BuildPlan, Node } from '../../src/plan/types.ts'
import { parsePlatform } from '../../src/platform.ts'

const buildPlatform = parsePlatform('linux/amd64')
const node: Node = {
  name: 'local',
  endpoint: 'local',
  driver: 'embedded',
  native: [buildPlatform],
  emulated: ['linux/arm64', 'linux/arm/v7', 'linux/riscv64'].map((text) => ({
    platform: parsePlatform(text),
    status: 'ready',
    emulator: 'qemu 7.2',
  })),
  slots: 2,
}

/** The plan of a real Dockerfile. */
function planOf(text: string, platforms: readonly string[]): BuildPlan {
  const { dockerfile, diagnostics } = parseDockerfile(text, { file: 'Dockerfile' })
  expect(diagnostics).toEqual([])
  const graphs = platforms.map((platform) => {
    const options = { target: parsePlatform(platform), buildPlatform, buildArgs: {}, namedContexts: [] }
    return buildStageGraph(dockerfile, options).graph
  })
  return planBuild({ dockerfile: 'Dockerfile', buildPlatform, graphs, nodes: [node] })
}

function rows({ jobs }: BuildPlan): string[] {
  return jobs.map(
    ({ id, decision, needs }) =>
      `${id}: ${decision.strategy.kind}${needs.length ? ` after ${needs.join(' and ')}` : ''}`,
  )
}

test('a neutral stage is planned once, one that is told its target once per target', () => {
  const plan = planOf(
    `FROM --platform=$BUILDPLATFORM node AS web
RUN npm run build
FROM --platform=$BUILDPLATFORM golang AS app
ARG TARGETARCH
RUN GOARCH=$TARGETARCH go build
FROM debian
RUN apt-get install ca-certificates
COPY --from=web /dist /srv
COPY --from=app /app /app
`,
    ['linux/amd64', 'linux/arm64'],
  )
  expect(rows(plan)).toEqual([
    'web@linux/amd64>linux/amd64,linux/arm64: cross',
    'app@linux/amd64: native',
    'linux/amd64: native after web@linux/amd64>linux/amd64,linux/arm64 and app@linux/amd64',
    'app@linux/amd64>linux/arm64: cross',
    'linux/arm64: emulate after web@linux/amd64>linux/amd64,linux/arm64 and app@linux/amd64>linux/arm64',
  ])
})

test('an image of copied files alone needs no emulator, not even for a platform nobody runs', () => {
  const plan = planOf('FROM busybox\nCOPY . /srv\nCMD ["httpd"]\n', ['linux/s390x'])
  expect(plan.jobs.map(({ decision }) => [decision.strategy.kind, decision.reason])).toEqual([
    ['native', 'nothing runs'],
  ])
})

test('stages that the target does not need are not planned', () => {
  expect(rows(planOf('FROM a AS unused\nRUN x\nFROM b\nRUN y\n', ['linux/amd64']))).toEqual(['linux/amd64: native'])
})

test('two hundred stages for four platforms', () => {
  const stages = Array.from({ length: 200 }, (_, index) => {
    const from = index % 2 ? `s${index - 1}` : '--platform=$BUILDPLATFORM base'
    const copy = index > 1 ? `COPY --from=s${index - 1} /x /x\n` : ''
    return `FROM ${from} AS s${index}\nRUN make\n${copy}`
  })
  const plan = planOf(stages.join(''), ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/riscv64'])
  expect(plan.jobs).toHaveLength(199 + 4)
  const images = plan.jobs.filter(({ kind }) => kind === 'image').map(({ id }) => id)
  expect(images).toEqual(['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/riscv64'])
})
