import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256 } from '../../src/oci/digest.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { makeRepository, smartGit } from '../support/git-server.ts'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { program, tempFolder } from './support/places.ts'
import { runOk, xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const PLATFORMS = ['linux/amd64', 'linux/arm64']
const SECRET = { TOKEN: 'sesame-open' }
let registry: DebianRegistry
let server: FileServer
let base: string
let context: string

beforeAll(async () => {
  registry = await startRegistry()
  server = await startFileServer()
  base = `${registry.host}/base/busybox:1`
  await runOk('skopeo', [
    '--insecure-policy',
    'copy',
    '--quiet',
    '--all',
    '--dest-tls-verify=false',
    `oci:${await baseLayout('busybox')}`,
    `docker://${base}`,
  ])
  context = writeFiles(join(folder, 'context'), {
    Dockerfile: `FROM ${base} AS build\nARG WORD\nRUN --mount=type=secret,id=token echo $WORD >/word\nFROM ${base}\nCOPY --from=build /word /word\nCMD ["cat", "/word"]\n`,
  })
})
afterAll(async () => {
  await registry.stop()
  await server.close()
})

interface Descriptor {
  readonly digest: string
  readonly platform?: { readonly os: string; readonly architecture: string }
  readonly annotations?: Readonly<Record<string, string>>
}
type Json = Record<string, any>

const readJson = (...path: string[]): Json => JSON.parse(readFileSync(join(...path), 'utf8'))
const blob = (layout: string, digest: string): Json => readJson(layout, 'blobs', ...digest.split(':'))
const textOf = (layout: string) =>
  readdirSync(join(layout, 'blobs/sha256')).map((name) => readFileSync(join(layout, 'blobs/sha256', name), 'latin1'))

/** Builds, and gives the program's own digest; fails with what it said. */
async function build(
  args: readonly string[],
  { at = store, env = {} }: { at?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { code, stdout, stderr } = await xbuild(['--progress=plain', ...args], {
    store: at,
    env: { ...SECRET, ...env },
  })
  expect(code, stderr).toBe(0)
  return stdout.trim()
}

/** The statements of a layout by platform, each found from its image, with all digests on the way checked. */
function statementsIn(layout: string): Map<string, { readonly image: Descriptor; readonly statement: Json }> {
  for (const name of readdirSync(join(layout, 'blobs/sha256')))
    expect(sha256(readFileSync(join(layout, 'blobs/sha256', name)))).toBe(`sha256:${name}`)
  const index = blob(layout, readJson(layout, 'index.json').manifests[0].digest)
  const manifests = index.manifests as Descriptor[]
  const images = manifests.filter(({ platform }) => platform?.os !== 'unknown')
  expect(manifests.slice(0, images.length)).toEqual(images)
  return new Map(
    images.map((image) => {
      const attestation = manifests.find(
        ({ annotations }) => annotations?.['vnd.docker.reference.digest'] === image.digest,
      )!
      expect(attestation).toMatchObject({
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
      })
      const {
        config,
        layers: [layer],
      } = blob(layout, attestation.digest)
      expect(blob(layout, config.digest).rootfs.diff_ids).toEqual([layer.digest])
      const statement = blob(layout, layer.digest)
      expect(layer.annotations['in-toto.io/predicate-type']).toBe(statement.predicateType)
      return [`linux/${image.platform!.architecture}`, { image, statement }]
    }),
  )
}

describe('two platforms, into a folder, a registry and files', () => {
  const out = join(folder, 'out')
  const files = join(folder, 'files')
  let name: string
  let digest: string

  beforeAll(async () => {
    name = `${registry.host}/team/app:1`
    digest = await build([
      '--platform',
      PLATFORMS.join(','),
      '--provenance=mode=min',
      '--build-arg',
      'WORD=hunter2',
      '--secret',
      'id=token,env=TOKEN',
      '-t',
      name,
      '--push',
      '-o',
      `type=oci,dest=${out}`,
      '-o',
      `type=local,dest=${files}`,
      '--metadata-file',
      join(folder, 'meta.json'),
      context,
    ])
  })

  test('each image has a statement about it: name, digest, base images with theirs', async () => {
    const statements = statementsIn(out)
    expect([...statements.keys()]).toEqual(PLATFORMS)
    const bases: { manifests: Descriptor[] } = JSON.parse(
      await runOk('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${base}`]),
    )
    for (const [platform, { image, statement }] of statements) {
      const host = encodeURIComponent(registry.host)
      const suffix = `platform=${encodeURIComponent(platform)}`
      expect(statement).toMatchObject({
        _type: 'https://in-toto.io/Statement/v1',
        predicateType: 'https://slsa.dev/provenance/v1',
        subject: [{ name: `pkg:docker/${host}/team/app@1?${suffix}`, digest: { sha256: image.digest.slice(7) } }],
      })
      const used = bases.manifests.find((one) => `linux/${one.platform?.architecture}` === platform)!
      expect(statement['predicate'].buildDefinition.resolvedDependencies).toEqual([
        { uri: `pkg:docker/${host}/base/busybox@1?${suffix}`, digest: { sha256: used.digest.slice(7) } },
      ])
    }
  })

  test('and how its stages were built', () => {
    const stages = [...statementsIn(out)].map(
      ([, { statement }]) => statement['predicate'].buildDefinition.internalParameters.xbuild.stages,
    )
    const [own, other] = process.arch === 'arm64' ? stages.reverse() : stages
    expect(own).toMatchObject([
      { stage: 'build', strategy: 'native' },
      { stage: '1', strategy: 'native' },
    ])
    expect(other).toMatchObject([
      { stage: 'build', strategy: 'emulate', emulator: expect.stringMatching(/^qemu-\S+ \d+\.\d+/) },
      { stage: '1' },
    ])
  })

  test('mode=min holds neither values of arguments nor secrets nor the Dockerfile', () => {
    for (const { statement } of statementsIn(out).values())
      expect(JSON.stringify(statement)).not.toMatch(/hunter2|WORD|sesame|token|RUN/)
  })

  test('skopeo copies it out of the registry, digest for digest', async () => {
    const copy = join(folder, 'copy')
    await runOk('skopeo', [
      '--insecure-policy',
      'copy',
      '--quiet',
      '--all',
      '--preserve-digests',
      '--src-tls-verify=false',
      `docker://${name}`,
      `oci:${copy}:1`,
    ])
    expect(readJson(copy, 'index.json')['manifests'][0].digest).toBe(digest)
    expect(readdirSync(join(copy, 'blobs/sha256')).toSorted()).toEqual(
      readdirSync(join(out, 'blobs/sha256')).toSorted(),
    )
  })

  test('files have theirs beside them, the metadata file tells of each', () => {
    for (const platform of PLATFORMS) {
      const at = join(files, platform.replace('/', '_'))
      const { subject, predicateType } = readJson(at, 'provenance.json')
      expect(predicateType).toBe('https://slsa.dev/provenance/v1')
      const word = subject.find((one: { name: string }) => one.name === 'word')
      expect(word.digest.sha256).toBe(sha256(readFileSync(join(at, 'word'))).slice(7))
      expect(readJson(folder, 'meta.json')[`buildx.build.provenance/${platform}`]).toMatchObject({
        invocation: { parameters: { frontend: 'dockerfile.v0' } },
        materials: [{ digest: {} }],
      })
    }
  })

  test('an image of such an index is taken by its platform, from the registry and from the layout', async () => {
    const next = writeFiles(join(folder, 'next'), { Dockerfile: `FROM ${name}\nCOPY --from=layout /word /again\n` })
    const args = [
      '--build-context',
      `layout=oci-layout://${out}`,
      '-o',
      `type=oci,dest=${join(folder, 'next-out')}`,
      next,
    ]
    await build(['--platform', PLATFORMS.join(','), '--provenance=mode=max', ...args])
    const first = statementsIn(out)
    for (const [platform, { statement }] of statementsIn(join(folder, 'next-out'))) {
      const { digest } = first.get(platform)!.image
      expect(
        statement['predicate'].buildDefinition.resolvedDependencies.map((one: Json) => one['digest'].sha256),
      ).toEqual([digest.slice(7), digest.slice(7)])
    }
    const refused = await xbuild(['--platform', 'linux/s390x', ...args], { store })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('it has linux/amd64, linux/arm64 only')
  })

  test('prune keeps attestations as long as their image', async () => {
    const kept = () => readdirSync(join(store, 'blobs/sha256'))
    const own = blob(out, digest).manifests.flatMap((one: Descriptor) =>
      one.annotations ? [one.digest, blob(out, one.digest).config.digest, blob(out, one.digest).layers[0].digest] : [],
    )
    expect(own).toHaveLength(6)
    await runOk(process.execPath, [program, 'prune', '--force'], { store })
    expect(kept()).toEqual(expect.arrayContaining(own.map((one: string) => one.slice(7))))
    await runOk(process.execPath, [program, 'prune', '--force', '--all'], { store })
    expect(kept()).toEqual([])
  })
})

test('with SOURCE_DATE_EPOCH two builds are equal, from a cache or not; mode=max tells arguments and Dockerfile, and no secret', async () => {
  const args = (name: string) => [
    '--platform',
    PLATFORMS.join(','),
    '--attest',
    'type=provenance,mode=max',
    '--build-arg',
    'WORD=hunter2',
    '--secret',
    'id=token,env=TOKEN',
    '-o',
    `type=oci,dest=${join(folder, name)}`,
    context,
  ]
  const env = { SOURCE_DATE_EPOCH: '1700000000' }
  const digests = [
    await build(args('a'), { env }),
    await build(args('b'), { env }),
    await build(args('c'), { env, at: join(folder, 'other-store') }),
  ]
  expect(new Set(digests).size).toBe(1)
  expect(readFileSync(join(folder, 'a/index.json'))).toEqual(readFileSync(join(folder, 'c/index.json')))
  for (const { statement } of statementsIn(join(folder, 'a')).values()) {
    const { buildDefinition, runDetails } = statement['predicate']
    expect(buildDefinition.externalParameters.request).toMatchObject({
      args: { 'build-arg:WORD': 'hunter2' },
      secrets: [{ id: 'token', optional: true }],
    })
    expect(Buffer.from(runDetails.metadata.buildkit_metadata.source.infos[0].data, 'base64').toString()).toBe(
      readFileSync(join(context, 'Dockerfile'), 'utf8'),
    )
    expect(runDetails.metadata.startedOn).toBeUndefined()
  }
  expect(textOf(join(folder, 'a')).some((text) => text.includes('sesame'))).toBe(false)
})

test('what comes from elsewhere is told with its digest: the commit of the context, files of ADD', async () => {
  const repository = makeRepository(join(folder, 'repositories/app.git'))
  const commit = repository.commit({ 'docker/own': `FROM scratch\nADD ${server.url}/file /\nCOPY . /\n` })
  server.files.set('/git/', smartGit(join(folder, 'repositories'), '/git')).set('/file', { body: 'content' })
  const out = join(folder, 'elsewhere')
  const platform = `linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`
  await build([
    '--provenance=true',
    '-f',
    'docker/own',
    '-o',
    `type=oci,dest=${out}`,
    `${server.url.replace('://', '://me:secret@')}/git/app.git#main`,
  ])
  const { predicate } = statementsIn(out).get(platform)!.statement
  const url = `${server.url}/git/app.git#main`
  expect(predicate.buildDefinition.externalParameters).toMatchObject({
    configSource: { uri: url, digest: { sha1: commit }, path: 'docker/own' },
    request: { frontend: 'dockerfile.v0' },
  })
  expect(predicate.buildDefinition.resolvedDependencies).toEqual(
    expect.arrayContaining([
      { uri: url, digest: { sha1: commit } },
      { uri: `${server.url}/file`, digest: { sha256: sha256('content').slice(7) } },
    ]),
  )
  expect(predicate.runDetails.metadata).toMatchObject({
    buildkit_hermetic: true,
    buildkit_completeness: { request: true, resolvedDependencies: true },
  })
  expect(JSON.stringify(predicate)).not.toContain('secret@')
})

test('a folder that is a checkout tells its commit; without provenance one platform is a plain manifest', async () => {
  const repository = makeRepository(join(folder, 'checkout'))
  const commit = repository.commit({ Dockerfile: 'FROM scratch\nCOPY . /\n' })
  repository.git('remote', 'add', 'origin', 'https://me:secret@git.example/app.git')
  await build(['--provenance=mode=min', '-o', `type=oci,dest=${join(folder, 'vcs')}`, repository.folder])
  const { statement } = [...statementsIn(join(folder, 'vcs')).values()][0]!
  expect(statement['predicate'].runDetails.metadata.buildkit_metadata.vcs).toEqual({
    revision: commit,
    source: 'https://git.example/app.git',
  })
  expect(statement['subject'][0].name).toBe('_')
  writeFiles(repository.folder, { new: 'file' })
  await build(['--provenance=mode=min', '-o', `type=oci,dest=${join(folder, 'vcs')}`, repository.folder], {
    env: { BUILDX_GIT_CHECK_DIRTY: '1' },
  })
  expect(textOf(join(folder, 'vcs')).some((text) => text.includes(`${commit}-dirty`))).toBe(true)
  await build(['-o', `type=oci,dest=${join(folder, 'vcs')}`, repository.folder], {
    env: { BUILDX_NO_DEFAULT_ATTESTATIONS: '1' },
  })
  expect(blob(join(folder, 'vcs'), readJson(folder, 'vcs', 'index.json')['manifests'][0].digest)).toHaveProperty(
    'layers',
  )
})
