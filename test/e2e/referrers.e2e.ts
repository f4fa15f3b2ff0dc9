import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { makeReferrer } from '../../src/oci/referrer.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { addReferrers } from '../../src/publish/add-referrers.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import { type DebianRegistry, startRegistry } from '../support/registry-debian.ts'
import { runHere } from '../support/run-in-process.ts'
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

test('what several add to one list at once is all there', async () => {
  const client = createRegistryClient({ registries: {}, env: {} })
  const { signal } = new AbortController()
  const ref = parseReference(at('many'))
  const subject: Descriptor = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${'1'.repeat(64)}`,
    size: 1,
  }
  const all = ['a', 'b', 'c', 'd'].map((name) => makeReferrer(`text/${name}`, [], subject))
  await Promise.all(
    all.map(async ({ manifest, blobs }) => {
      for (const { descriptor, bytes } of blobs)
        await client.pushBlob(ref, descriptor, { signal, open: () => Readable.from([bytes]) })
      const { digest: own } = manifest.descriptor
      await client.pushManifest({ host: ref.host, repository: ref.repository, digest: own }, manifest, { signal })
      await addReferrers(ref, { subject: subject.digest, added: [manifest.descriptor] }, { registry: client, signal })
    }),
  )
  const { manifests } = await client.referrers(ref, subject.digest, { signal })
  expect(manifests.map(({ artifactType }) => artifactType).sort()).toEqual(['text/a', 'text/b', 'text/c', 'text/d'])
  await client.close()
})
