import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { makeReferrer } from '../../src/oci/referrer.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { addReferrers } from '../../src/publish/add-referrers.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import { type DebianRegistry, startRegistry } from '../support/registry-debian.ts'
import { runHere } from '../support/run-in-process.ts'
import { ISSUER, startSigstore, tokenOf } from '../support/sigstore.ts'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

/** A manifest or a statement, as far as the tests look into them. */
interface Json {
  readonly manifests: readonly Descriptor[]
  readonly layers: readonly Descriptor[]
  readonly predicateType: string
  readonly subject: readonly { readonly digest: { readonly sha256: string } }[]
}

const folder = tempFolder()
const TYPE = 'application/vnd.docker.attestation.manifest.v1+json'

let registry: DebianRegistry
let digest: string
beforeAll(async () => {
  registry = await startRegistry()
  const context = writeFiles(join(folder, 'context'), { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
  const forms = ['--attest', 'type=provenance,form=referrers', '--sbom', 'form=referrers']
  const outputs = ['-o', 'type=registry', '-o', 'type=oci,dest=layout', '-o', 'type=docker,dest=docker.tar']
  const { code, stdout, stderr } = await xbuild(
    ['-t', at('app:1'), '--platform', 'linux/arm64', ...forms, ...outputs, context],
    { cwd: folder, store: join(folder, 'store') },
  )
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('referrers are left out: Docker does not keep them')
  digest = stdout.trim()
})
afterAll(() => registry?.stop())

const at = (name: string) => `${registry.host}/${name}`
const image = (...args: string[]) => runHere(['image', ...args], { cwd: folder })
const fetchJson = async (path: string): Promise<Json> => {
  const accept = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json'
  return (await fetch(`http://${registry.host}/v2/${path}`, { headers: { accept } })).json() as Promise<Json>
}

test('an image that is there already gets the attestations of a later build', async () => {
  const forms = ['--attest', 'type=provenance,form=referrers', '--push', '--platform', 'linux/arm64']
  const again = async () => {
    const args = ['-t', at('again:1'), ...forms, join(folder, 'context')]
    const { code, stdout, stderr } = await xbuild(args, { cwd: folder, store: join(folder, 'store') })
    expect(code, stderr).toBe(0)
    return stdout.trim()
  }
  const first = await again()
  expect(await again()).toBe(first)
  const { manifests } = await fetchJson(`again/manifests/${first.replace(':', '-')}`)
  expect(manifests).toHaveLength(2)
})

test('attestations are no part of the image, and the registry tells of them', async () => {
  expect(await fetchJson('app/manifests/1')).toMatchObject({
    config: { mediaType: 'application/vnd.oci.image.config.v1+json' },
  })
  // Debian's registry lists no referrers: the tag of the subject's digest stands in
  const { manifests } = await fetchJson(`app/manifests/${digest.replace(':', '-')}`)
  expect(manifests).toMatchObject([{ artifactType: TYPE, mediaType: 'application/vnd.oci.image.manifest.v1+json' }])
  const referrer = await fetchJson(`app/manifests/${manifests[0]!.digest}`)
  expect(referrer).toMatchObject({ artifactType: TYPE, subject: { digest }, config: { size: 2 } })
  const statements = await Promise.all(referrer.layers.map((layer) => fetchJson(`app/blobs/${layer.digest}`)))
  expect(statements.map((one) => one.predicateType)).toEqual([
    'https://slsa.dev/provenance/v1',
    'https://spdx.dev/Document',
  ])
  for (const { subject } of statements) expect(`sha256:${subject[0]!.digest.sha256}`).toBe(digest)
})

test('image commands show, check and copy them, and a layout has them', async () => {
  const shown = JSON.parse((await image('inspect', '--json', at('app:1'))).stdout)
  expect(shown.images).toMatchObject([
    {
      platform: 'linux/arm64',
      attestations: [],
      referrers: [
        { artifactType: TYPE, predicateTypes: ['https://slsa.dev/provenance/v1', 'https://spdx.dev/Document'] },
      ],
    },
  ])
  expect((await image('inspect', at('app:1'))).stdout).toMatch(/Referrer of \S+: \S+ \(provenance, SBOM \(SPDX\)\)/)
  expect((await image('inspect', '--referrers=false', at('app:1'))).stdout).not.toContain('Referrer')
  expect((await image('copy', at('app:1'), at('other:1'))).code).toBe(0)
  expect((await image('copy', at('app:1'), 'oci:copy:1')).code).toBe(0)
  for (const name of [at('app:1'), at('other:1'), 'oci:copy:1', 'oci:layout:1']) {
    const { code, stdout } = await image('verify', '--deep', '--json', name)
    expect(code, `${name}: ${stdout}`).toBe(0)
    expect(JSON.parse(stdout), name).toMatchObject({ digest, manifests: 2, referrers: 1 })
  }
})

test('a list that names what is of another image is found out', async () => {
  const client = createRegistryClient({ registries: {}, env: {} })
  const { signal } = new AbortController()
  const ref = parseReference(at('app:1'))
  const other: Descriptor = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${'0'.repeat(64)}`,
    size: 1,
  }
  const { manifest, blobs } = makeReferrer('text/plain', [], other)
  for (const { descriptor, bytes } of blobs)
    await client.pushBlob(ref, descriptor, { signal, open: () => Readable.from([bytes]) })
  const { digest: own } = manifest.descriptor
  await client.pushManifest({ host: ref.host, repository: ref.repository, digest: own }, manifest, { signal })
  await addReferrers(
    ref,
    { subject: digest as Descriptor['digest'], added: [manifest.descriptor] },
    { registry: client, signal },
  )
  const found = await image('verify', at('app:1'))
  expect(found.code).toBe(1)
  expect(found.stdout).toContain(`its subject is ${other.digest}`)
  await client.close()
})

test('what several add to one list, one after the other, is all there', async () => {
  const client = createRegistryClient({ registries: {}, env: {} })
  const { signal } = new AbortController()
  const ref = parseReference(at('many'))
  const subject: Descriptor = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${'1'.repeat(64)}`,
    size: 1,
  }
  const all = ['a', 'b', 'c', 'd'].map((name) => makeReferrer(`text/${name}`, [], subject))
  for (const { manifest, blobs } of all) {
    for (const { descriptor, bytes } of blobs)
      await client.pushBlob(ref, descriptor, { signal, open: () => Readable.from([bytes]) })
    const { digest: own } = manifest.descriptor
    await client.pushManifest({ host: ref.host, repository: ref.repository, digest: own }, manifest, { signal })
    await addReferrers(ref, { subject: subject.digest, added: [manifest.descriptor] }, { registry: client, signal })
  }
  const { manifests } = await client.referrers(ref, subject.digest, { signal })
  expect(manifests.map(({ artifactType }) => artifactType).sort()).toEqual(['text/a', 'text/b', 'text/c', 'text/d'])
  await client.close()
})

describe('signatures', () => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const env = { KEY: keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() }
  const build = (...args: string[]) =>
    xbuild(['--platform', 'linux/arm64,linux/amd64', '--push', ...args, 'context'], {
      cwd: folder,
      store: join(folder, 'store'),
      env,
    })
  beforeAll(() => {
    writeFileSync(join(folder, 'key.pub'), keys.publicKey.export({ format: 'pem', type: 'spki' }))
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    writeFileSync(join(folder, 'other.pub'), other.export({ format: 'pem', type: 'spki' }))
  })

  test('a push signs the index before its tag moves, once, and verify wants the key that did it', async () => {
    for (const tag of ['1', '2']) {
      const { code, stderr } = await build('-t', at(`signed:${tag}`), '--sign', 'key=env://KEY')
      expect(code, stderr).toBe(0)
    }
    const verified = await image('verify', '--deep', '--json', '--key', 'key.pub', at('signed:1'))
    expect(verified).toMatchObject({ code: 0 })
    expect(JSON.parse(verified.stdout).signatures).toHaveLength(1)
    const wrong = await image('verify', '--key', 'other.pub', at('signed:1'))
    expect(wrong).toMatchObject({ code: 1 })
    expect(wrong.stdout).toContain('is not signed with "other.pub"')
    expect((await image('inspect', at('signed:2'))).stdout).toMatch(/Referrer of sha256:\S+: sha256:\S+ \(signature\)/)
    expect((await image('copy', at('signed:1'), at('moved:1'))).code).toBe(0)
    expect((await image('verify', '--key', 'key.pub', at('moved:1'))).code).toBe(0)
  })

  test('a tag is signed later, and an image that nobody signed is told from one that others did', async () => {
    expect((await image('verify', '--key', 'key.pub', at('app:1'))).stdout).toContain('is not signed\n')
    writeFileSync(join(folder, 'key.pem'), env.KEY)
    expect(await image('sign', '--key', 'key.pem', at('app:1'))).toMatchObject({ code: 0, stdout: `${digest}\n` })
    expect((await image('sign', '--key', 'key.pem', at('app:1'))).stderr).toContain('has signed it before')
    const { signatures } = JSON.parse((await image('verify', '--json', '--key', 'key.pem', at('app:1'))).stdout)
    expect(signatures).toHaveLength(1)
  })

  test('nothing is built for a key that cannot be used', async () => {
    const tag = at('unsigned:1')
    for (const [args, said] of [
      [['--sign', 'key=gone.key'], 'Cannot read key "gone.key"'],
      [['--sign', 'key=other.pub'], 'Cannot use key "other.pub"'],
      [['--sign', 'key=env://KEY', '--append'], 'Cannot sign an image that is appended'],
      [['--sign', 'keyless'], 'the environment has no identity token'],
      [['--sign', 'keyless,trusted-root=gone.json'], 'the environment has no identity token'],
      [['--sign', 'key=env://KEY', '--push=false'], 'it is not pushed'],
    ] as const)
      expect((await build('-t', tag, ...args)).stderr, args.join(' ')).toContain(said)
    expect((await image('inspect', tag)).code).toBe(1)
  })

  test('without a key an identity token signs, also when the tag is there, and verify wants that identity', async () => {
    const sigstore = await startSigstore()
    try {
      writeFileSync(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot))
      const services = { 'fulcio-url': sigstore.url, 'rekor-url': sigstore.url }
      const attributes = Object.entries(services).map(([name, url]) => `,${name}=${url}`)
      const token = { SIGSTORE_ID_TOKEN: tokenOf({ sub: '1', email: 'me@example.test' }), HOME: folder }
      const args = ['--push', '-t', at('keyless:1'), '--sign', `keyless${attributes.join('')}`, 'context']
      const built = await xbuild(args, { cwd: folder, store: join(folder, 'store'), env: token })
      expect(built.code, built.stderr).toBe(0)
      const asked = ['--certificate-oidc-issuer', ISSUER, '--trusted-root', 'root.json', at('keyless:1')]
      const verify = (name: string) => image('verify', '--json', '--certificate-identity', name, ...asked)
      const verified = await verify('me@example.test')
      expect(verified).toMatchObject({ code: 0 })
      expect(JSON.parse(verified.stdout).signatures).toHaveLength(1)
      const wrong = await verify('you@example.test')
      expect(wrong.code).toBe(1)
      expect(wrong.stdout).toContain(`is not signed by \\"you@example.test\\" of ${ISSUER}: it has 1 other signatures`)
      const flags = Object.entries(services).flatMap(([name, url]) => [`--${name}`, url])
      const sign = (env: Readonly<Record<string, string>>) =>
        runHere(['image', 'sign', ...flags, at('keyless:1')], { cwd: folder, env })
      expect((await sign(token)).stderr).toContain('The identity has signed it before')
      const other = { ...token, SIGSTORE_ID_TOKEN: tokenOf({ sub: '1', email: 'you@example.test' }) }
      expect(await sign(other)).toMatchObject({ code: 0, stdout: built.stdout })
      expect((await verify('you@example.test')).code).toBe(0)
      const nobody = await image('verify', ...asked.slice(0, 2), '--certificate-identity', 'x', at('keyless:1'))
      expect(nobody.stderr).toContain('nobody says whom to believe')
    } finally {
      await sigstore.stop()
    }
  })

  test('the program cosign signs, and a tag stays away when there is no signature afterwards', async () => {
    const bin = join(folder, 'bin')
    const cosign = join(bin, 'cosign')
    writeFiles(bin, { cosign: `#!/bin/sh\necho "$@" >> "$0.log"\n` })
    chmodSync(cosign, 0o755)
    const run = () =>
      xbuild(['--push', '-t', at('cosigned:1'), '--sign', 'cosign,key=k', 'context'], {
        cwd: folder,
        store: join(folder, 'store'),
        env: { PATH: `${bin}:${process.env['PATH']}` },
      })
    const { code, stderr } = await run()
    expect([code, stderr]).toEqual([1, expect.stringContaining('has no signature')])
    const called = readFileSync(`${cosign}.log`, 'utf8').trimEnd().split('\n').at(-1)
    expect(called).toMatch(
      new RegExp(`^sign --yes --key k --allow-http-registry ${at('cosigned')}@sha256:[0-9a-f]{64}$`),
    )
    expect((await image('inspect', at('cosigned:1'))).code).toBe(1)
  })
})
