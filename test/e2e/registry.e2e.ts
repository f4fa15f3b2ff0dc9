import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exec } from '../../src/host/exec.ts'
import { type Descriptor, MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import type { OnProgress, RegistryClient, RemoteManifest } from '../../src/registry/types.ts'
import { type DebianRegistry, startRegistry } from '../support/registry-debian.ts'

const { signal } = new AbortController()
const USER = { username: 'kim', password: 'p:w ü' }

let open: DebianRegistry
let locked: DebianRegistry
let folder: string
let client: RegistryClient

beforeAll(async () => {
  open = await startRegistry()
  locked = await startRegistry({ auth: USER })
  folder = await mkdtemp(join(tmpdir(), 'xbuild-registry-e2e-'))
  client = createRegistryClient({ registries: {}, env: { HOME: folder } })
})

afterAll(async () => {
  await client?.close()
  await open?.stop()
  await locked?.stop()
  if (folder) await rm(folder, { recursive: true, force: true })
})

describe('a real registry', () => {
  test('an image goes there and comes back the same, and skopeo reads it', async () => {
    const image = makeImage(3 * 1024 * 1024)
    const ref = parseReference(`${open.host}/team/app:1`)
    const seen: number[] = []
    await pushImage(client, `${open.host}/team/app:1`, image, (current) => seen.push(current))
    expect(seen.at(-1)).toBe(image.layer.length)

    const byTag = await client.manifest(ref, { signal })
    expect(byTag.bytes.equals(image.manifest.bytes)).toBe(true)
    expect(byTag.descriptor).toEqual(image.manifest.descriptor)
    const byDigest = await client.manifest({ ...ref, digest: image.manifest.descriptor.digest }, { signal })
    expect(byDigest).toEqual(byTag)

    expect(await digestOf(await client.blob(ref, image.layerDescriptor, { signal }))).toBe(image.layerDescriptor.digest)
    const tail = await collect(await client.blob(ref, image.layerDescriptor, { signal, offset: 1_000_000 }))
    expect(tail.equals(image.layer.subarray(1_000_000))).toBe(true)

    const skopeo = await exec('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${open.host}/team/app:1`])
    expect(skopeo.stderr).toBe('')
    expect(skopeo.stdout).toBe(image.manifest.bytes.toString())
  })

  test('what is there is not sent again, and a neighbour repository is mounted', async () => {
    const image = makeImage(1000)
    await pushImage(client, `${open.host}/first/app:1`, image)
    const never = () => {
      throw new Error('The blob was opened')
    }
    const push = (name: string, mountFrom: string[]) =>
      client.pushBlob(parseReference(`${open.host}/${name}`), image.layerDescriptor, { signal, open: never, mountFrom })
    expect(await push('first/app', [])).toBe('exists')
    expect(await client.hasBlob(parseReference(`${open.host}/second/app`), image.layerDescriptor, { signal })).toBe(
      false,
    )
    expect(await push('second/app', ['no/such', 'first/app'])).toBe('mounted')
    expect(await client.hasBlob(parseReference(`${open.host}/second/app`), image.layerDescriptor, { signal })).toBe(
      true,
    )
  })

  test('an index of two images under a tag', async () => {
    const children = [makeImage(100), makeImage(200)]
    for (const child of children)
      await pushImage(client, `${open.host}/multi@${child.manifest.descriptor.digest}`, child)
    const index = asManifest(MEDIA_TYPE.index, { manifests: children.map(({ manifest }) => manifest.descriptor) })
    await client.pushManifest(parseReference(`${open.host}/multi:2`), index, { signal })
    expect((await client.manifest(parseReference(`${open.host}/multi:2`), { signal })).descriptor).toEqual(
      index.descriptor,
    )
  })

  test('a manifest whose blobs are missing is refused in the words of the registry', async () => {
    const image = makeImage(50)
    await expect(
      client.pushManifest(parseReference(`${open.host}/nothing:1`), image.manifest, { signal }),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^REGISTRY|NOT_FOUND$/),
      message: expect.stringContaining('BLOB_UNKNOWN'),
    })
  })

  test('an image that is not there is NOT_FOUND', async () => {
    await expect(client.manifest(parseReference(`${open.host}/nobody:1`), { signal })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(
        `Cannot pull "${open.host}/nobody:1": ${open.host} answered 404 MANIFEST_UNKNOWN`,
      ),
    })
  })

  test('a source with the wrong bytes is refused and leaves nothing', async () => {
    const image = makeImage(64)
    const ref = parseReference(`${open.host}/bad/blob`)
    const wrong = () => Readable.from([randomBytes(64)])
    await expect(client.pushBlob(ref, image.layerDescriptor, { signal, open: wrong })).rejects.toMatchObject({
      message: expect.stringContaining('DIGEST_INVALID'),
    })
    expect(await client.hasBlob(ref, image.layerDescriptor, { signal })).toBe(false)
  })
})

describe('a real registry with a password', () => {
  test('nobody gets in without one, and the error says how', async () => {
    await expect(client.manifest(parseReference(`${locked.host}/app:1`), { signal })).rejects.toMatchObject({
      code: 'AUTH',
      hint: expect.stringContaining(`docker login ${locked.host}`),
    })
  })

  test('the entry of docker login opens it', async () => {
    const auth = Buffer.from(`${USER.username}:${USER.password}`).toString('base64')
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [locked.host]: { auth } } }))
    const known = createRegistryClient({ registries: {}, env: { DOCKER_CONFIG: folder } })
    const image = makeImage(500_000)
    await pushImage(known, `${locked.host}/app:1`, image)
    expect((await known.manifest(parseReference(`${locked.host}/app:1`), { signal })).descriptor).toEqual(
      image.manifest.descriptor,
    )
    await known.close()
  })
})

async function pushImage(to: RegistryClient, name: string, image: Image, onProgress?: OnProgress): Promise<void> {
  const ref = parseReference(name)
  const config = { signal, open: () => Readable.from([image.config]) }
  expect(await to.pushBlob(ref, image.configDescriptor, config)).toBe('uploaded')
  const layer = { signal, open: () => Readable.from(pieces(image.layer)), ...(onProgress ? { onProgress } : {}) }
  expect(await to.pushBlob(ref, image.layerDescriptor, layer)).toBe('uploaded')
  await to.pushManifest(ref, image.manifest, { signal })
}

type Image = ReturnType<typeof makeImage>

function makeImage(size: number) {
  const layer = randomBytes(size)
  const config = Buffer.from(
    JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [sha256(layer)] } }),
  )
  const configDescriptor: Descriptor = { mediaType: MEDIA_TYPE.config, digest: sha256(config), size: config.length }
  const layerDescriptor: Descriptor = { mediaType: MEDIA_TYPE.layer, digest: sha256(layer), size }
  const manifest = asManifest(MEDIA_TYPE.manifest, { config: configDescriptor, layers: [layerDescriptor] })
  return { layer, config, configDescriptor, layerDescriptor, manifest }
}

function asManifest(mediaType: string, fields: object): RemoteManifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }))
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes }
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

async function collect(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function digestOf(stream: NodeJS.ReadableStream): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of stream) hash.update(chunk as Buffer)
  return `sha256:${hash.digest('hex')}`
}
