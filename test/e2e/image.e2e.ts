import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exec } from '../../src/host/exec.ts'
import { formatReference, parseReference } from '../../src/oci/reference.ts'
import type { ImageSet } from '../../src/publish/image-set.ts'
import { type DebianRegistry, startRegistry } from '../support/registry-debian.ts'
import { pushImages } from '../support/registry-images.ts'
import { type Left, runHere } from '../support/run-in-process.ts'
import { xbuild } from './support/xbuild.ts'

let registry: DebianRegistry
let folder: string

beforeAll(async () => {
  registry = await startRegistry()
  folder = await mkdtemp(join(tmpdir(), 'xbuild-image-e2e-'))
})
afterAll(async () => {
  await registry?.stop()
  if (folder) await rm(folder, { recursive: true, force: true })
})

const image = (...args: string[]): Promise<Left> => runHere(['image', ...args], { cwd: folder })
const at = (name: string) => `${registry.host}/${name}`
const raw = async (name: string) =>
  (await exec('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${at(name)}`])).stdout
const config = async (name: string, arch: string) =>
  JSON.parse(
    (
      await exec('skopeo', [
        '--override-arch',
        arch,
        'inspect',
        '--config',
        '--tls-verify=false',
        `docker://${at(name)}`,
      ])
    ).stdout,
  )

describe('create', () => {
  let legs: { amd64: ImageSet; arm64: ImageSet }
  beforeAll(async () => {
    legs = {
      amd64: await pushImages(at('team/app'), [{ platform: 'linux/amd64', attested: true }], {
        folder,
        untagged: true,
      }),
      arm64: await pushImages(at('team/app'), [{ platform: 'linux/arm64', attested: true }], {
        folder,
        untagged: true,
      }),
    }
  })

  test('combines the legs of a CI, which skopeo reads for each platform', async () => {
    const digests = [legs.amd64, legs.arm64].map(({ root }) => root.descriptor.digest)
    const line = ['image', 'create', '-t', at('team/app:1'), '--metadata-file', 'meta.json', ...digests]
    const made = await xbuild(line, { cwd: folder, env: { HOME: folder } })
    expect(made).toMatchObject({ code: 0, stderr: '' })
    const index = JSON.parse(await raw('team/app:1'))
    expect(index.manifests.map((one: { platform: { architecture: string } }) => one.platform.architecture)).toEqual([
      'amd64',
      'arm64',
      'unknown',
      'unknown',
    ])
    expect((await config('team/app:1', 'arm64')).architecture).toBe('arm64')
    expect((await config('team/app:1', 'amd64')).architecture).toBe('amd64')
    const metadata = JSON.parse(await readFile(join(folder, 'meta.json'), 'utf8'))
    expect(`${metadata['containerimage.digest']}\n`).toBe(made.stdout)
    expect(metadata['image.name']).toBe(formatReference(parseReference(at('team/app:1'))))
  })

  test('takes attestations with the platforms that are kept, and nothing else', async () => {
    const digests = [legs.amd64, legs.arm64].map(({ root }) => root.descriptor.digest)
    const made = await image('create', '-t', at('team/app:arm'), '--platform', 'linux/arm64', ...digests)
    expect(made).toMatchObject({ code: 0, stderr: '' })
    const { manifests } = JSON.parse(await raw('team/app:arm'))
    expect(manifests).toEqual(JSON.parse(legs.arm64.root.bytes.toString()).manifests)
    const wrong = await image('create', '-t', at('team/app:arm'), '--platform', 'linux/s390x', ...digests)
    expect(wrong).toMatchObject({ code: 1, stdout: '' })
    expect(wrong.stderr).toContain('the sources have linux/amd64, linux/arm64 only')
  })

  test('refuses a second image for a platform, unless it is told to', async () => {
    const other = await pushImages(
      at('team/app'),
      [{ platform: 'linux/amd64', files: [{ path: 'other', data: 'x' }] }],
      { folder, untagged: true },
    )
    const sources = [legs.amd64, other].map(({ root }) => root.descriptor.digest)
    const refused = await image('create', '-t', at('team/app:twice'), ...sources)
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('Cannot put linux/amd64 into an index twice')
    expect(refused.stderr).toContain(other.root.descriptor.digest)
    expect((await image('inspect', at('team/app:twice'))).stderr).toContain('answered 404')
    const told = await image('create', '--dry-run', '--allow-duplicates', '-t', at('team/app:twice'), ...sources)
    expect(JSON.parse(told.stdout).manifests).toHaveLength(3)
  })

  test('mounts what comes from another repository, and copies what comes from a layout and an archive', async () => {
    const arm = await pushImages(at('other/arm'), [{ platform: 'linux/arm/v7' }], { folder, untagged: true })
    await exec(
      'skopeo',
      [
        ...['copy', '--src-tls-verify=false', '--override-arch', 'arm64', `docker://${at('team/app')}`],
        `oci:${folder}/layout:one`,
      ].map((word) => (word.endsWith('team/app') ? `${word}@${legs.arm64.manifests[0]!.descriptor.digest}` : word)),
    )
    await exec('skopeo', ['copy', `oci:${folder}/layout:one`, `oci-archive:${folder}/layout.tar`])
    const [armDigest, amd64] = [arm.root.descriptor.digest, legs.amd64.root.descriptor.digest]
    for (const source of ['oci:layout:one', 'oci-archive:layout.tar']) {
      const name = `new/${source.split(':')[0]}`
      const made = await image(
        'create',
        '-t',
        at(`${name}:1`),
        at(`other/arm@${armDigest}`),
        source,
        at(`team/app@${amd64}`),
      )
      expect(made.code, made.stderr).toBe(0)
      expect((await config(`${name}:1`, 'arm64')).architecture).toBe('arm64')
      expect((await config(`${name}:1`, 'amd64')).architecture).toBe('amd64')
      const shown = JSON.parse((await image('inspect', '--json', at(`${name}:1`))).stdout)
      expect(shown.images.map((one: { platform: string }) => one.platform)).toEqual([
        'linux/arm/v7',
        'linux/arm64',
        'linux/amd64',
      ])
    }
  })

  test('reads descriptors of files, annotates the index and its entries, and prints what it would do', async () => {
    const [amd64, arm64] = [legs.amd64, legs.arm64].map(({ manifests }) => manifests[0]!.descriptor)
    await writeFile(join(folder, 'amd64.json'), JSON.stringify({ ...amd64, annotations: { 'org.example.leg': '1' } }))
    await writeFile(join(folder, 'arm64.txt'), `${at('team/app')}@${arm64!.digest}\n`)
    const made = await image(
      ...['create', '--dry-run', '-t', at('team/app:dry'), '-f', 'amd64.json', '-f', 'arm64.txt'],
      ...['--annotation', 'index:org.example.a=b', '--annotation', 'manifest-descriptor[linux/arm64]:org.example.c=d'],
    )
    expect(made).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(made.stdout)).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        { ...amd64, annotations: { 'org.example.leg': '1' } },
        { ...arm64, annotations: { 'org.example.c': 'd' } },
      ],
      annotations: { 'org.example.a': 'b' },
    })
    expect((await image('inspect', at('team/app:dry'))).code).toBe(1)
    const level = await image('create', '--dry-run', '--annotation', 'a=b', at('team/app:1'))
    expect(level).toMatchObject({ code: 2 })
  })

  test('takes one image as it is, and one index byte by byte', async () => {
    const digest = legs.amd64.manifests[0]!.descriptor.digest
    const copied = await image('create', '-t', at('team/app:plain'), '--prefer-index=false', digest)
    expect(copied.stdout.trim()).toBe(digest)
    const index = await image('create', '-t', at('team/app:copy'), at('team/app:1'))
    expect(await raw('team/app:copy')).toBe(await raw('team/app:1'))
    expect(index.code).toBe(0)
    const wrapped = await image('create', '-t', at('team/app:index'), digest)
    expect(JSON.parse(await raw('team/app:index')).manifests).toHaveLength(1)
    expect(wrapped.stdout.trim()).not.toBe(digest)
  })
})

describe('inspect', () => {
  test('shows platforms with attestations, one platform with its layers, and the very bytes', async () => {
    const set = await pushImages(
      at('seen/app:1'),
      [{ platform: 'linux/amd64', attested: true }, { platform: 'linux/arm64' }],
      { folder },
    )
    const shown = await image('inspect', at('seen/app:1'))
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    const [first, second] = set.manifests.map(({ descriptor }) => descriptor.digest)
    expect(shown.stdout).toMatch(new RegExp(`^linux/amd64 +${first} +[\\d.]+ k?B +1 +provenance$`, 'm'))
    expect(shown.stdout).toMatch(new RegExp(`^linux/arm64 +${second} +[\\d.]+ k?B +1 +-$`, 'm'))
    const one = await image('inspect', '--platform', 'linux/arm64', at('seen/app:1'))
    expect(one.stdout).toContain('Cmd:         ["/hello"]')
    expect(one.stdout).toContain('COPY 0 / # buildkit')
    const bytes = await image('inspect', '--raw', at('seen/app:1'))
    expect(bytes.stdout).toBe(set.root.bytes.toString())
    const missing = await image('inspect', '--platform', 'linux/s390x', at('seen/app:1'))
    expect(missing).toMatchObject({ code: 1, stdout: '' })
    expect(missing.stderr).toContain('it has linux/amd64, linux/arm64 only')
  })
})
