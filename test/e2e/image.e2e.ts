import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exec } from '../../src/host/exec.ts'
import { type Descriptor, MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { makeDocument } from '../../src/oci/make-manifest.ts'
import { parseManifest } from '../../src/oci/read-manifest.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import { formatReference, parseReference } from '../../src/oci/reference.ts'
import type { ImageSet } from '../../src/publish/image-set.ts'
import { makeElf } from '../audit/support/elf.ts'
import { type DebianRegistry, startRegistry } from '../support/registry-debian.ts'
import { pushImages } from '../support/registry-images.ts'
import { type Left, runHere } from '../support/run-in-process.ts'
import { xbuild } from './support/xbuild.ts'

let registry: DebianRegistry
let second: DebianRegistry
let folder: string

beforeAll(async () => {
  ;[registry, second] = await Promise.all([startRegistry(), startRegistry()])
  folder = await mkdtemp(join(tmpdir(), 'xbuild-image-e2e-'))
})
afterAll(async () => {
  await second?.stop()
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

  test('two legs append to one tag at once, and none is lost', async () => {
    const [amd64, arm64] = [legs.amd64, legs.arm64].map(({ root }) => root.descriptor.digest)
    const made = await Promise.all(
      [amd64!, arm64!].map((digest) => image('create', '--append', '-t', at('team/app:legs'), digest)),
    )
    expect(made.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ])
    const shown = JSON.parse((await image('inspect', '--json', at('team/app:legs'))).stdout)
    expect(shown.images.map((one: { platform: string }) => one.platform).sort()).toEqual(['linux/amd64', 'linux/arm64'])
    expect(shown.images.map((one: { attestations: object[] }) => one.attestations.length)).toEqual([1, 1])
    expect((await image('verify', at('team/app:legs'))).code).toBe(0)
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

describe('copy', () => {
  test('brings an index, its attestations and signatures to another registry, a folder, an archive, and back', async () => {
    const name = at('whole/app:1')
    const set = await pushImages(name, [{ platform: 'linux/amd64', attested: true }, { platform: 'linux/arm64' }], {
      folder,
    })
    const signature = await pushReferrer(name, set.root.descriptor)
    const of = await pushReferrer(name, set.manifests[1]!.descriptor)
    const stations = [
      name,
      `oci:${join(folder, 'copy')}:1`,
      `oci-archive:${join(folder, 'copy.tar')}:1`,
      `${second.host}/deep/er/app:2`,
    ]
    for (const [index, from] of stations.slice(0, -1).entries()) {
      const copied = await image('copy', from, stations[index + 1]!)
      expect(copied.stdout, copied.stderr).toBe(`${set.root.descriptor.digest}\n`)
      expect(copied.stderr).toContain('2 referrers')
    }
    const last = stations.at(-1)!
    expect((await image('inspect', '--raw', last)).stdout).toBe(set.root.bytes.toString())
    expect((await image('verify', '--deep', last)).stdout).toMatch(/: ok, 6 manifests, .* 2 referrers$/m)
    const fallback = await image('inspect', '--raw', `${second.host}/deep/er/app:${tagOf(set.root.descriptor.digest)}`)
    expect(JSON.parse(fallback.stdout).manifests.map((one: Descriptor) => one.digest)).toEqual([signature])
    const child = `${second.host}/deep/er/app:${tagOf(set.manifests[1]!.descriptor.digest)}`
    expect((await image('inspect', '--raw', child)).stdout).toContain(of)
    const skopeo = await exec('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${last}`])
    expect(skopeo.stdout).toBe(set.root.bytes.toString())
    const again = await image('copy', name, last)
    expect(again.stderr).toContain('0 blobs sent')
    const without = await image('copy', '--referrers=false', name, `${second.host}/plain/app:1`)
    expect(without.stderr).not.toContain('referrer')
    const named = await exec('skopeo', ['inspect', '--raw', `oci:${join(folder, 'copy')}:1`])
    expect(named.stdout).toBe(set.root.bytes.toString())
  })

  test('a second image in a folder leaves the first alone, and one of the same name takes its place', async () => {
    const [one, two] = [
      await pushImages(at('pair/app:1'), [{ platform: 'linux/amd64' }], { folder }),
      await pushImages(at('pair/app:2'), [{ platform: 'linux/arm64' }], { folder }),
    ]
    const layout = `oci:${join(folder, 'pair')}`
    for (const tag of ['1', '2']) expect((await image('copy', at(`pair/app:${tag}`), `${layout}:${tag}`)).code).toBe(0)
    expect((await image('inspect', '--raw', `${layout}:1`)).stdout).toBe(one.root.bytes.toString())
    expect((await image('copy', at('pair/app:2'), `${layout}:1`)).code).toBe(0)
    expect((await image('inspect', '--raw', `${layout}:1`)).stdout).toBe(two.root.bytes.toString())
    await writeFile(join(folder, 'file'), '')
    const refused = await image('copy', at('pair/app:1'), `oci:${folder}`)
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('it holds other files')
  })

  test('goes on where a killed copy stopped', async () => {
    const set = await pushImages(at('big/app:1'), [{ platform: 'linux/amd64' }, { platform: 'linux/arm64' }], {
      folder,
    })
    const target = join(folder, 'resumed')
    await image('copy', at('big/app:1'), `oci:${target}:1`)
    const lost = parseManifest(set.manifests[1]!.bytes, set.manifests[1]!.descriptor)
    for (const { digest } of [lost.layers[0]!, set.manifests[1]!.descriptor, set.root.descriptor])
      await rm(join(target, 'blobs', ...digest.split(':')))
    await rm(join(target, 'index.json'))
    const again = await image('copy', at('big/app:1'), `oci:${target}:1`)
    expect(again.stderr).toMatch(/^2 manifests, 1 blob sent .*, 1 there already$/m)
    expect((await image('verify', '--deep', `oci:${target}:1`)).code).toBe(0)
  })
})

describe('ls', () => {
  test('lists the tags', async () => {
    for (const tag of ['b', 'a', 'c'])
      await pushImages(at(`many/app:${tag}`), [{ platform: 'linux/amd64' }], { folder })
    expect(await image('ls', at('many/app'))).toEqual({ code: 0, stdout: 'a\nb\nc\n', stderr: '' })
    const json = await image('ls', '--json', at('many/app'))
    expect(JSON.parse(json.stdout)).toEqual({ name: at('many/app'), tags: ['a', 'b', 'c'] })
    expect((await image('ls', at('no/such'))).stderr).toMatch(/Cannot list the tags of .*404 NAME_UNKNOWN/)
    expect((await image('ls', at('many/app:a'))).code).toBe(2)
  })
})

describe('verify', () => {
  test('finds what is missing, of a wrong size, for another platform, or about nothing', async () => {
    const set = await pushImages(at('check/app:1'), [{ platform: 'linux/amd64', attested: true }], { folder })
    const whole = join(folder, 'check')
    await image('copy', at('check/app:1'), `oci:${whole}:1`)
    const good = await image('verify', '--deep', '--json', `oci:${whole}:1`)
    expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, manifests: 3, problems: [] })
    const { layers, config } = parseManifest(set.manifests[0]!.bytes, set.manifests[0]!.descriptor)
    const layer = join(whole, 'blobs', ...layers[0]!.digest.split(':'))
    const bytes = await readFile(layer)
    await writeFile(layer, Buffer.concat([bytes.subarray(1), Buffer.from('x')]))
    expect((await image('verify', `oci:${whole}:1`)).code).toBe(0)
    const hashed = await image('verify', '--deep', `oci:${whole}:1`)
    expect(hashed).toMatchObject({ code: 1 })
    expect(hashed.stdout).toContain(`error: ${layers[0]!.digest} is not what its digest says`)
    await rm(layer)
    await writeFile(join(whole, 'blobs', ...config.digest.split(':')), 'x')
    const lost = await image('verify', `oci:${whole}:1`)
    expect(lost.stdout).toContain(`error: ${layers[0]!.digest} is missing`)
    expect(lost.stdout).toContain(`error: ${config.digest} has 1 bytes`)

    const [image1, attestation] = set.manifests.map(({ descriptor }) => descriptor)
    const wrong = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.index,
      manifests: [
        { ...image1, platform: { os: 'linux', architecture: 's390x' } },
        { ...attestation, annotations: { ...attestation!.annotations, 'vnd.docker.reference.digest': config.digest } },
      ],
    }
    await pushIndex(at('check/app:wrong'), wrong)
    const found = await image('verify', at('check/app:wrong'))
    expect(found).toMatchObject({ code: 1 })
    expect(found.stdout).toContain(`error: ${image1!.digest} is for linux/amd64, the index says linux/s390x`)
    expect(found.stdout).toContain(`error: ${attestation!.digest} says something of ${config.digest}, which is not`)
  })
})

describe('rm', () => {
  test('removes a tag with what is its own, keeps what other tags lead to, and says so', async () => {
    const arm = { platform: 'linux/arm64', files: [{ path: 'shared', data: 'rm' }] }
    const one = await pushImages(at('rm/app:1'), [{ platform: 'linux/amd64', attested: true }, arm], { folder })
    const two = await pushImages(at('rm/app:2'), [{ platform: 'linux/s390x' }, arm], { folder })
    const signature = await pushReferrer(at('rm/app:1'), one.root.descriptor)
    const [amd64, arm64, attestation] = one.manifests.map(({ descriptor }) => descriptor.digest)
    const plan = await image('rm', '--dry-run', at('rm/app:1'))
    expect(plan.stdout).toContain(`would remove ${one.root.descriptor.digest} (image)`)
    expect((await image('inspect', at('rm/app:1'))).code).toBe(0)
    const done = await image('rm', at('rm/app:1'))
    expect(done, done.stderr).toMatchObject({ code: 0 })
    for (const digest of [one.root.descriptor.digest, amd64!, attestation!, signature])
      expect(done.stdout).toContain(`removed ${digest}`)
    expect(done.stdout).toContain(`keeps ${arm64}: tag 2 leads to it`)
    expect((await image('verify', at('rm/app:2'))).stdout).toContain(': ok')
    expect((await image('ls', at('rm/app'))).stdout).toBe('2\n')
    for (const digest of [amd64, signature]) expect((await image('inspect', at(`rm/app@${digest}`))).code).toBe(1)

    const part = two.manifests[0]!.descriptor.digest
    const refused = await image('rm', at(`rm/app@${part}`))
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('the tag 2 leads to it')
    await image('create', '-t', at('rm/app:also'), at('rm/app:2'))
    const tag = await image('rm', at('rm/app:also'))
    expect(tag).toMatchObject({ code: 1 })
    expect(tag.stderr).toMatch(/does not delete a tag alone/)
    expect((await image('verify', at('rm/app:2'))).stdout).toContain(': ok')

    const both = await image('rm', at('rm/app:also'), at('rm/app:2'))
    expect(both, both.stderr).toMatchObject({ code: 0 })
    expect(both.stdout).toContain(`removed ${two.root.descriptor.digest}`)
    expect((await image('inspect', at('rm/app:also'))).code).toBe(1)
  })

  test('leaves a list of contents alone that another image has, too', async () => {
    const images = ['1', '2'].map((data) =>
      pushImages(at(`shared/app:${data}`), [{ platform: 'linux/amd64', files: [{ path: 'f', data }] }], { folder }),
    )
    const list = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [], annotations: { list: 'of contents' } }
    const tags = (await Promise.all(images)).map(({ root }) => `${tagOf(root.descriptor.digest)}.sbom`)
    for (const tag of tags) await pushIndex(at(`shared/app:${tag}`), list)
    const done = await image('rm', at('shared/app:1'))
    expect(done, done.stderr).toMatchObject({ code: 0 })
    expect((await image('inspect', '--raw', at(`shared/app:${tags[1]}`))).stdout).toContain('of contents')
    await image('rm', at('shared/app:2'))
    expect((await image('inspect', '--raw', at(`shared/app:${tags[1]}`))).code).toBe(1)
  })
})

describe('prune', () => {
  test('removes given digests that no tag leads to, and lists of referrers of what is gone', async () => {
    const kept = await pushImages(at('prune/app:1'), [{ platform: 'linux/amd64' }, { platform: 'linux/arm64' }], {
      folder,
    })
    const old = await pushImages(
      at('prune/app'),
      [{ platform: 'linux/amd64', attested: true, files: [{ path: 'old', data: 'old' }] }],
      { folder, untagged: true },
    )
    const gone: Descriptor = { mediaType: MEDIA_TYPE.manifest, digest: sha256('gone'), size: 4 }
    const signature = await pushReferrer(at('prune/app:1'), gone)
    const keptSignature = await pushReferrer(at('prune/app:1'), kept.root.descriptor)
    const digests = [kept.manifests[0]!, old.root].map(({ descriptor }) => descriptor.digest)
    const plan = await image('prune', at('prune/app'), ...digests, sha256('nowhere'))
    expect(plan).toMatchObject({ code: 0 })
    expect(plan.stdout).toContain(`keeps ${digests[0]}: tag 1 leads to it`)
    expect(plan.stdout).toContain(`would remove ${digests[1]} (image)`)
    expect(plan.stdout).toContain(`${sha256('nowhere')} is not there`)
    expect(plan.stderr).toMatch(/Nothing was removed: do it with --yes\n.*cannot be listed/)
    expect((await image('inspect', at(`prune/app@${digests[1]}`))).code).toBe(0)
    // A signature belongs to its image, whoever names it
    const done = await image('prune', '--yes', at('prune/app'), ...digests, keptSignature)
    expect(done.stdout).toContain(`keeps ${keptSignature}: tag 1 leads to it`)
    for (const digest of [digests[1], signature, ...old.manifests.map(({ descriptor }) => descriptor.digest)])
      expect(done.stdout).toContain(`removed ${digest}`)
    expect(done.stdout).not.toContain(`removed ${keptSignature}`)
    expect((await image('verify', at('prune/app:1'))).stdout).toContain(': ok')
    expect((await image('inspect', at(`prune/app@${digests[1]}`))).code).toBe(1)
  })
})

describe('audit', () => {
  test('finds a program of another platform in anybody’s image, and reads each layer once', async () => {
    const tool = { path: 'hello', mode: 0o755, data: makeElf({ machine: 62 }) }
    const both = { below: [tool], files: [{ path: 'x', data: 'y' }] }
    const name = at('audit/app:1')
    await pushImages(
      name,
      [
        { platform: 'linux/amd64', ...both, attested: true },
        { platform: 'linux/arm64', ...both },
      ],
      { folder },
    )
    const audit = (...args: string[]) => image('audit', '--store', join(folder, 'store'), ...args)
    const found = await audit(name)
    expect(found.stdout, found.stderr).toContain('linux/amd64: ok, 1 program\n')
    expect(found.code).toBe(1)
    expect(found.stdout).toContain('error: linux/arm64: "/hello" is for linux/amd64 (CMD, layer 1)')
    expect(found.stdout).toContain('hint: linux/amd64 has the same layer')
    await image('copy', name, 'oci:audited:1')
    const { layers } = parseManifest(
      await readFile(await blobOf('audited', 'linux/arm64')),
      await descriptorOf('audited', 'linux/arm64'),
    )
    // What is remembered of a layer is not read again
    for (const { digest } of layers) await rm(join(folder, 'audited/blobs', ...digest.split(':')))
    const again = await audit('--json', 'oci:audited:1')
    expect(JSON.parse(again.stdout)).toMatchObject([{ fails: false }, { fails: true, findings: [{ path: '/hello' }] }])
    expect((await audit('--platform', 'linux/amd64', name)).code).toBe(0)
    expect((await audit('--audit-except', '/hello', name)).code).toBe(0)
    expect((await audit('--platform', 'linux/s390x', name)).stderr).toContain('no image for linux/s390x')
  })
})

async function descriptorOf(layout: string, platform: string): Promise<Descriptor> {
  const shown = JSON.parse((await image('inspect', '--json', `oci:${layout}:1`)).stdout)
  const { digest, mediaType } = shown.images.find((one: { platform: string }) => one.platform === platform)
  const { size } = await stat(join(folder, layout, 'blobs', ...digest.split(':')))
  return { mediaType, digest, size }
}

const blobOf = async (layout: string, platform: string) =>
  join(folder, layout, 'blobs', ...(await descriptorOf(layout, platform)).digest.split(':'))

const tagOf = (digest: string) => digest.replace(':', '-')

/** Pushes a small artifact that refers to a manifest, and puts it into the list of referrers; gives back its digest. */
async function pushReferrer(name: string, subject: Descriptor): Promise<string> {
  const ref = parseReference(name)
  const client = createRegistryClient({ registries: {}, env: {} })
  const { signal } = new AbortController()
  const at = { host: ref.host, repository: ref.repository }
  const put = async (bytes: Buffer, mediaType: string): Promise<Descriptor> => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length }
    await client.pushBlob(at, descriptor, { signal, open: () => Readable.from([bytes]) })
    return descriptor
  }
  const manifest = makeDocument(MEDIA_TYPE.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    artifactType: 'application/vnd.example.signature',
    config: await put(Buffer.from('{}'), MEDIA_TYPE.empty),
    layers: [await put(Buffer.from(`signature of ${subject.digest}`), 'application/vnd.example.signature')],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
  })
  await client.pushManifest({ ...at, digest: manifest.descriptor.digest }, manifest, { signal })
  const list = [{ ...manifest.descriptor, artifactType: 'application/vnd.example.signature' }]
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: list }
  await client.close()
  await pushIndex(`${ref.host}/${ref.repository}:${tagOf(subject.digest)}`, index)
  return manifest.descriptor.digest
}

async function pushIndex(name: string, value: object): Promise<void> {
  const client = createRegistryClient({ registries: {}, env: {} })
  const { signal } = new AbortController()
  await client.pushManifest(parseReference(name), makeDocument(MEDIA_TYPE.index, value), { signal })
  await client.close()
}
