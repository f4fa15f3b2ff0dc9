import { expect, test } from 'vitest'
import { DEFAULT_PROVENANCE } from '../../src/config/attest.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseRemote } from '../../src/dockerfile/remote.ts'
import type { BuildPlan, Node } from '../../src/plan/types.ts'
import { parsePlatform } from '../../src/platform.ts'
import type { ProvenanceFacts } from '../../src/provenance/facts.ts'
import { makeProvenance, provenanceSummary } from '../../src/provenance/predicate.ts'
import { imagePurl, layoutPurl } from '../../src/provenance/purl.ts'
import { readsOf } from '../../src/provenance/reads.ts'
import { resourcesOf } from '../../src/provenance/resources.ts'
import { packFacts, stagesOf } from '../../src/provenance/stages.ts'
import { stepsOf } from '../../src/provenance/steps.ts'

const [amd64, arm64] = [parsePlatform('linux/amd64'), parsePlatform('linux/arm64')]
const DIGEST = `sha256:${'a'.repeat(64)}`

function graphOf(text: string) {
  const { dockerfile } = parseDockerfile(text, { file: 'Dockerfile' })
  return buildStageGraph(dockerfile, { target: arm64, buildPlatform: amd64, buildArgs: {}, namedContexts: [] }).graph
}

test.each([
  ['alpine', 'pkg:docker/alpine@latest?platform=linux%2Farm64'],
  ['docker.io/library/alpine:3.15', 'pkg:docker/alpine@3.15?platform=linux%2Farm64'],
  ['user/test:v2', 'pkg:docker/user/test@v2?platform=linux%2Farm64'],
  ['ghcr.io/foo/bar:v2', 'pkg:docker/ghcr.io/foo/bar@v2?platform=linux%2Farm64'],
  ['127.0.0.1:5000/app:1', 'pkg:docker/127.0.0.1%3A5000/app@1?platform=linux%2Farm64'],
  [`alpine@${DIGEST}`, `pkg:docker/alpine?digest=${DIGEST}&platform=linux%2Farm64`],
])('package URL of %s', (name, expected) => expect(imagePurl(name, 'linux/arm64')).toBe(expected))

test('the name of a context is one word of a package URL', () => {
  expect(layoutPurl('my base', 'linux/arm64')).toBe('pkg:oci/my%20base?platform=linux%2Farm64')
})

test('what was read: each once, images first, no logins, queries only where everything is told', () => {
  const remotes = [
    { remote: parseRemote('https://me:pw@files.example/a.tgz?sig=abc')!, digest: DIGEST },
    { remote: parseRemote('https://git.example/r.git#v1:sub')!, digest: 'b'.repeat(40) },
    { remote: parseRemote('https://files.example/unknown')!, digest: '' },
  ]
  const image = { name: 'docker.io/library/alpine:3', isLayout: false, platform: 'linux/arm64', digest: DIGEST }
  const found = resourcesOf({ images: [image, image], remotes }, { plain: false })
  expect(found[0]).toEqual({ uri: 'pkg:docker/alpine@3?platform=linux%2Farm64', digest: { sha256: 'a'.repeat(64) } })
  expect(found.slice(1)).toEqual(
    expect.arrayContaining([
      { uri: 'https://files.example/a.tgz?sig=abc', digest: { sha256: 'a'.repeat(64) } },
      { uri: 'https://git.example/r.git#v1:sub', digest: { sha1: 'b'.repeat(40) } },
      { uri: 'https://files.example/unknown' },
    ]),
  )
  expect(found).toHaveLength(4)
  expect(resourcesOf({ images: [], remotes }, { plain: true }).map(({ uri }) => uri)).toContain(
    'https://files.example/a.tgz',
  )
})

test('of an engine that does not tell, names are known, and digests where the file gives them or the engine told', () => {
  const graph = graphOf(
    `FROM debian:13 AS a\nARG X\nADD https://x.example/$X https://x.example/y /\nFROM alpine@${DIGEST}\nCOPY --from=a /y /\nCOPY --from=tools:1 /z /\n`,
  )
  const reads = readsOf(
    graph,
    { buildContexts: {} },
    { context: undefined, bases: { 'docker.io/library/tools:1': `sha256:${'c'.repeat(64)}` } },
  )
  expect(resourcesOf(reads, { plain: true }).map(({ uri, digest }) => [uri, digest?.['sha256']])).toEqual([
    [`pkg:docker/alpine?digest=${DIGEST}&platform=linux%2Farm64`, 'a'.repeat(64)],
    ['pkg:docker/debian@13?platform=linux%2Farm64', undefined],
    ['pkg:docker/tools@1?platform=linux%2Farm64', 'c'.repeat(64)],
    ['https://x.example/y', undefined],
  ])
})

test('each step builds on the one before it and on what it reads', () => {
  const graph = graphOf('FROM a AS one\nRUN x\nFROM b\nCOPY --from=one /x /\nRUN --mount=from=one \\\n  y\n')
  expect(
    stepsOf(graph).map(({ id, instruction, inputs, lines }) => [id, instruction, inputs, lines.start, lines.end]),
  ).toEqual([
    ['step0', 'FROM a AS one', [], 1, 1],
    ['step1', 'RUN x', ['step0'], 2, 2],
    ['step2', 'FROM b', [], 3, 3],
    ['step3', 'COPY --from=one /x /', ['step2', 'step1'], 4, 4],
    ['step4', expect.stringContaining('RUN --mount=from=one'), ['step3', 'step1'], 5, 6],
  ])
})

const plan: BuildPlan = { dockerfile: 'Dockerfile', buildPlatform: amd64, platforms: [arm64], jobs: [] }
const node: Node = {
  name: 'local',
  endpoint: 'local',
  driver: 'embedded',
  native: [amd64],
  emulated: [{ platform: arm64, status: 'ready', emulator: 'qemu-aarch64-static 9' }],
  slots: 1,
}

test('stages tell their strategy on the node that built them, and the packs that took part', () => {
  const graph = graphOf(
    'FROM --platform=$BUILDPLATFORM a AS tools\nRUN x\nFROM b AS build\nRUN gcc\nFROM c\nCOPY --from=tools /x /\nCOPY --from=build /y /\n',
  )
  const packs = new Map([
    [
      1,
      [
        {
          name: 'cc1 (gcc-14 14.2.0-19)',
          recipe: 'cc1',
          source: { name: 'gcc-14', version: '14.2.0-19' },
          digest: DIGEST,
        },
      ],
    ],
  ])
  expect(stagesOf(graph, { plan, node, packs })).toEqual([
    { stage: 'tools', platform: 'linux/amd64', strategy: 'cross', node: 'local' },
    {
      stage: 'build',
      platform: 'linux/arm64',
      strategy: 'cross',
      emulator: 'qemu-aarch64-static 9',
      node: 'local',
      packs: [{ name: 'cc1', source: { name: 'gcc-14', version: '14.2.0-19' }, digest: { sha256: 'a'.repeat(64) } }],
    },
    { stage: '2', platform: 'linux/arm64', strategy: 'native', node: 'local' },
  ])
})

test('facts of a pack are its fields, whatever its name for people says', () => {
  const digest = { sha256: 'a'.repeat(64) }
  const source = { name: 'gcc-14', version: '14.2.0-19' }
  expect(packFacts({ name: 'C (of GCC 14)', recipe: 'cc1', source, digest: DIGEST })).toEqual({
    name: 'cc1',
    source,
    digest,
  })
  expect(packFacts({ name: 'cc1 (gcc-14 14.2.0-19)', digest: DIGEST })).toEqual({
    name: 'cc1 (gcc-14 14.2.0-19)',
    digest,
  })
})

test('a stage that another node built is told as of that node', () => {
  const graph = graphOf('FROM --platform=$BUILDPLATFORM a AS tools\nRUN x\nFROM c\nCOPY --from=tools /x /\n')
  const job = {
    id: 'tools',
    kind: 'stage',
    stage: 'tools',
    needs: [],
    platform: amd64,
    targets: [amd64, arm64],
    shared: true,
    decision: { strategy: { kind: 'cross', node: 'big' }, reason: '', rejected: [] },
  } as const
  const [tools] = stagesOf(graph, { plan: { ...plan, jobs: [job] }, node, packs: new Map() })
  expect(tools).toEqual({ stage: 'tools', platform: 'linux/amd64', strategy: 'cross', node: 'big' })
})

const facts: ProvenanceFacts = {
  options: { ...DEFAULT_PROVENANCE, builderId: 'https://ci.example/1' },
  version: '1.2.3',
  builderPlatform: 'linux/amd64',
  configSource: { path: 'Dockerfile' },
  request: {
    frontend: 'dockerfile.v0',
    args: { 'build-arg:PASSWORD': 'hunter2', 'label:who': 'me-myself', 'add-hosts': 'inside=10.0.0.1', target: 'last' },
    secrets: [{ id: 'npm-login' }],
    ssh: [{ id: 'default' }],
    locals: [{ name: 'context' }],
  },
  resources: [],
  complete: false,
  hermetic: false,
  stages: [{ stage: 'last', platform: 'linux/arm64', strategy: 'native', node: 'ssh://me@secret-board' }],
  offered: [],
  steps: [
    {
      id: 'step0',
      stage: 'last',
      platform: 'linux/arm64',
      instruction: 'FROM a',
      inputs: [],
      lines: { start: 1, end: 1 },
    },
  ],
  dockerfile: { name: 'Dockerfile', text: 'FROM a\n' },
}

test.each(['v1', 'v0.2'] as const)(
  'mode=min of %s holds no values, names of secrets, machines or lines of the Dockerfile',
  (version) => {
    const { predicate, predicateType } = makeProvenance({
      ...facts,
      options: { ...facts.options, mode: 'min', version },
    })
    expect(predicateType).toBe(`https://slsa.dev/provenance/${version}`)
    const text = JSON.stringify(predicate)
    for (const told of [
      'hunter2',
      'PASSWORD',
      'me-myself',
      'npm-login',
      'secret-board',
      '10.0.0.1',
      'FROM a',
      Buffer.from('FROM a\n').toString('base64'),
    ])
      expect(text).not.toContain(told)
    for (const told of ['"target":"last"', '"id":"https://ci.example/1"', '"version":"1.2.3"'])
      expect(text).toContain(told)
  },
)

test('mode=max of v1: the whole request, the steps, the Dockerfile; times only of builds that need not be equal', () => {
  const { predicate } = makeProvenance(facts)
  expect(predicate).toMatchObject({
    buildDefinition: {
      externalParameters: { configSource: { path: 'Dockerfile' }, request: facts.request },
      internalParameters: {
        builderPlatform: 'linux/amd64',
        buildConfig: { steps: [{ id: 'step0', instruction: 'FROM a' }] },
        xbuild: { version: '1.2.3', stages: facts.stages },
      },
    },
    runDetails: {
      builder: { id: 'https://ci.example/1', version: { xbuild: '1.2.3' } },
      metadata: { buildkit_completeness: { request: true, resolvedDependencies: false } },
    },
  })
  expect(JSON.stringify(predicate)).not.toContain('startedOn')
  const run = { id: 'x', started: new Date(0), finished: new Date(1000) }
  expect(makeProvenance({ ...facts, run }).predicate).toMatchObject({
    runDetails: {
      metadata: { invocationId: 'x', startedOn: '1970-01-01T00:00:00.000Z', finishedOn: '1970-01-01T00:00:01.000Z' },
    },
  })
})

test('v0.2 has the same in its own words, and so has the metadata file', () => {
  const { predicate } = makeProvenance({ ...facts, options: { ...facts.options, version: 'v0.2', reproducible: true } })
  expect(predicate).toMatchObject({
    builder: { id: 'https://ci.example/1' },
    materials: [],
    invocation: {
      configSource: { entryPoint: 'Dockerfile' },
      parameters: facts.request,
      environment: { platform: 'linux/amd64', xbuild: { stages: facts.stages } },
    },
    metadata: { reproducible: true, completeness: { parameters: true, environment: true, materials: false } },
  })
  expect(provenanceSummary(facts, 'min')).not.toHaveProperty('metadata')
  expect(provenanceSummary(facts, 'max')).toHaveProperty('buildConfig')
})
