import { expect, test } from 'vitest'
import { readConfigFile } from '../../src/config/file.ts'
import { FLAGS, type FlagOption } from '../../src/config/flags.ts'
import { mergeConfigs } from '../../src/config/merge.ts'
import { askErrors, askName, asksOf, type Judge } from '../../src/config/project.ts'

/** Everything that begins with `/` or `..` is outside. */
const judge: Judge = (claim) => {
  if (claim.kind === 'run') return `runs ${claim.program}`
  return /^(\/|\.\.)/.test(claim.path) ? `${claim.kind}s ${claim.path}${claim.folder ? ' (folder)' : ''}` : undefined
}

function asked(text: string): string[] {
  return asksOf(readConfigFile(text, 'xbuild.yaml').settings, judge).map((ask) => `${ask.at.line}: ${askName(ask)}`)
}

/** Words that a flag reads without help of the machine; every flag has them. */
const HARMLESS: { readonly [K in FlagOption]?: readonly string[] } = {
  platforms: ['linux/arm64'],
  tags: ['a/b:1'],
  file: ['Dockerfile', 'sub/x', '-', 'https://example.com/Dockerfile'],
  target: ['x'],
  buildArgs: ['A=b', 'A='],
  outputs: ['out', '-', 'type=oci,dest=x', 'type=cacheonly', 'type=image'],
  noCache: ['true'],
  checkReproducible: ['true'],
  pull: ['true'],
  progress: ['plain'],
  labels: ['a=b', 'a'],
  annotations: ['a=b'],
  buildContexts: ['a=b', 'a=docker-image://x', 'a=oci-layout://x', 'a=https://example.com/x.git'],
  audit: ['warn'],
  auditExcept: ['/opt/**'],
  provenance: ['true'],
  sbom: ['true'],
  attest: ['type=provenance', 'type=sbom'],
  metadataFile: ['x'],
  iidFile: ['x'],
  jobs: ['4'],
  test: ['rm -rf /', '["/app"]'],
  timeout: ['1m'],
  silenceTimeout: ['1m'],
  cacheTo: ['type=local,dest=x', 'type=inline'],
  network: ['none', 'default'],
  addHosts: ['db:10.0.0.5'],
  ulimits: ['nofile=10'],
  shmSize: ['1m'],
  accel: ['off', 'auto', 'require', 'verify', 'profile'],
  noCacheFilter: ['x'],
}

const ASKED: { readonly [K in FlagOption]?: readonly string[] } = {
  file: ['/etc/passwd', '../x'],
  buildArgs: ['A'],
  builders: ['board'],
  outputs: ['../x', 'type=oci,dest=/x', 'type=registry', 'type=image,push=true', 'type=docker', 'type=docker,dest=/x'],
  load: ['true'],
  push: ['true'],
  append: ['true'],
  sign: ['key=cosign.key', 'cosign'],
  force: ['true'],
  allowPlatformDrop: ['true'],
  buildContexts: ['a=../x', 'a=oci-layout:///x', 'a=file:///x', 'a=git@h.example:x/y', 'a=ssh://h.example/x.git'],
  metadataFile: ['../x'],
  iidFile: ['/x'],
  ociRuntime: ['crun', './x'],
  store: ['x'],
  storeLimit: ['1g'],
  cacheFrom: ['a.example/b', 'type=gha', 'type=local,src=x', 'type=registry,ref=a.example/b'],
  cacheTo: ['a.example/b', 'type=gha', 'type=local,dest=/x'],
  packs: [`a.example/b@sha256:${'0'.repeat(64)}`],
  secrets: ['id=x'],
  ssh: ['default'],
  network: ['host'],
  addHosts: ['me:host-gateway', 'me=host-gateway'],
  resources: ['pids=50', 'memory=1g,cpuset-cpus=0-2'],
  ulimits: ['rtprio=1', 'memlock=-1', 'nproc=-1', 'nice=1'],
  allow: ['network.host', 'security.insecure'],
  accel: ['speculate'],
}

test.each(Object.keys(FLAGS) as FlagOption[])('a project may set %s as the table says', (option) => {
  const { project: rule } = FLAGS[option]
  const asks = (text: string) =>
    asksOf([{ key: option, text, at: { file: 'x', line: 1 }, rule, instead: '' }], judge).length
  const [harmless, asked] = [HARMLESS[option] ?? [], ASKED[option] ?? []]
  expect(harmless.length + asked.length).toBeGreaterThan(0)
  expect(harmless.filter((text) => asks(text) > 0)).toEqual([])
  expect(asked.filter((text) => asks(text) === 0)).toEqual([])
})

test('every ask has its line and the way out', () => {
  const text = `tags: a
oci-runtime: ./x
platforms:
  linux/arm64:
    dockerfile: ../x
    args: [TOKEN]
    base: {debian: "oci-layout:///x"}
outputs:
  - out
  - /etc
registries:
  docker.io: {mirrors: [a, b], insecure: true}
nodes: {board: "tcp://h:1"}
store: {folder: x, limit: 1g}
build-args:
  FROM_ENV:
  PLAIN: x
`
  expect(asked(text)).toEqual([
    '2: oci-runtime "./x": runs ./x',
    '5: platforms.linux/arm64.dockerfile "../x": reads ../x',
    `6: platforms.linux/arm64.args "TOKEN": it takes the value from the user's environment`,
    '7: platforms.linux/arm64.base "debian=oci-layout:///x": reads /x',
    '10: outputs "/etc": writes /etc (folder)',
    ...['mirrors "a"', 'mirrors "b"', 'insecure "true"'].map(
      (what) =>
        `12: registries.docker.io.${what}: it changes where images come from, and which servers are trusted as registries`,
    ),
    '13: nodes.board: it sends the context to another machine',
    `14: store.folder "x": it names the folder of the user's images`,
    `14: store.limit "1g": it removes build cache of other builds from the user's store`,
    `16: build-args "FROM_ENV": it takes the value from the user's environment`,
  ])
  const [first] = askErrors(asksOf(readConfigFile(text, 'xbuild.yaml').settings, judge))
  expect(first).toEqual({
    rule: 'project',
    severity: 'error',
    message: 'Cannot let a file of the project set oci-runtime "./x": runs ./x',
    at: { file: 'xbuild.yaml', line: 2, column: 14 },
    hint: 'Give --oci-runtime ./x, or accept the file with xbuild trust',
  })
})

test('every key of the file has a rule: none is read without being noted', () => {
  const noted = (text: string) => readConfigFile(text, 'xbuild.yaml').settings.map(({ key }) => key)
  for (const { key, placeholder } of Object.values(FLAGS)) {
    if (key === undefined || key === 'platforms') continue
    const value = placeholder === undefined ? 'true' : (VALUES[key] ?? 'x')
    expect(noted(`${key}: ${JSON.stringify(value)}\n`), key).toEqual([key])
  }
  expect(noted('platforms: [linux/arm64, linux/amd64]')).toEqual(['platforms', 'platforms'])
})

const VALUES: Readonly<Record<string, string>> = {
  'build-args': 'A=b',
  progress: 'plain',
  sbom: 'true',
  labels: 'a=b',
  annotations: 'a=b',
  'build-contexts': 'a=b',
  packs: `a.example/b@sha256:${'0'.repeat(64)}`,
  audit: 'warn',
  'audit-except': '/opt/**',
  provenance: 'true',
  attest: 'type=provenance',
  jobs: '1',
  timeout: '1m',
  'silence-timeout': '1m',
  network: 'none',
  'add-hosts': 'a:1.2.3.4',
  ulimits: 'nofile=1',
  resources: 'pids=50',
  'shm-size': '1m',
  accel: 'off',
}

test("the user's own file wins over a project's where that may not say everything, and yields to a file he named", () => {
  const config = (text: string) => readConfigFile(text, 'f').config
  const user = config(`tags: user
network: none
build-args: {A: user, B: user}
registries: {a.example: {ca: /user}}
nodes: {board: "tcp://user:1"}
platforms: {linux/arm64: {target: user}}
`)
  const project = config(`tags: project
network: default
build-args: {A: project, C: project}
registries: {a.example: {http: true}, b.example: {http: true}}
nodes: {board: "tcp://project:1", other: "tcp://other:1"}
platforms: [linux/amd64]
`)
  const below = mergeConfigs(project, user, { topIs: 'project' })!
  expect(below.values).toEqual({
    tags: ['project'],
    network: ['none'],
    buildArgs: ['A=project', 'C=project', 'A=user', 'B=user'],
    platforms: ['linux/amd64'],
  })
  expect(below.platforms).toBeUndefined()
  expect(below.registries['a.example']).toEqual({ mirrors: [], ca: '/user' })
  expect(below.nodes!.map(({ name, endpoint }) => [name, 'host' in endpoint && endpoint.host])).toEqual([
    ['board', 'user'],
    ['other', 'other'],
  ])
  const above = mergeConfigs(project, user, { topIs: 'given' })!
  expect(above.values.network).toEqual(['default'])
  expect(above.values.buildArgs).toEqual(['A=user', 'B=user', 'A=project', 'C=project'])
  expect(above.registries['a.example']).toEqual({ mirrors: [], http: true })
  expect(mergeConfigs(undefined, user, { topIs: 'project' })).toBe(user)
})
