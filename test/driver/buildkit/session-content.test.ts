import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Content, WriteAction } from '../../../src/driver/buildkit/gen/content_pb.ts'
import { FileSync } from '../../../src/driver/buildkit/gen/filesync_pb.ts'
import { Secrets } from '../../../src/driver/buildkit/gen/secrets_pb.ts'
import { SSH } from '../../../src/driver/buildkit/gen/ssh_pb.ts'
import { Upload } from '../../../src/driver/buildkit/gen/upload_pb.ts'
import { GRPC } from '../../../src/driver/buildkit/grpc/status.ts'
import { namedContextAttributes } from '../../../src/driver/buildkit/named-contexts.ts'
import { contentService } from '../../../src/driver/buildkit/session/content.ts'
import { givenBlobs } from '../../../src/driver/buildkit/session/given.ts'
import { storeContents, type Contents } from '../../../src/driver/buildkit/session/contents.ts'
import { fileSyncService } from '../../../src/driver/buildkit/session/file-sync.ts'
import { secretsService } from '../../../src/driver/buildkit/session/secrets.ts'
import { sshService } from '../../../src/driver/buildkit/session/ssh.ts'
import { uploadService } from '../../../src/driver/buildkit/session/upload.ts'
import { memoryTree } from '../../../src/driver/buildkit/sync/tree.ts'
import type { RemoteBuild } from '../../../src/driver/remote-build.ts'
import { MEDIA_TYPE } from '../../../src/oci/descriptor.ts'
import { sha256 } from '../../../src/oci/digest.ts'
import { parsePlatform } from '../../../src/platform.ts'
import { openStore, type Store } from '../../../src/store/store.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { connectServices } from './connect-services.ts'

let store: Store
let stores: Map<string, Contents>
let session: Awaited<ReturnType<typeof connectServices>>
beforeEach(async () => {
  store = await openStore(tempFolder())
  stores = new Map([['export', storeContents(store, givenBlobs(store, 'a node'))]])
  session = await connectServices([
    ...contentService(stores),
    ...fileSyncService(new Map([['context', memoryTree({ file: 'text' })]]), () => undefined),
    ...secretsService(async (id) => (id === 'given' ? Buffer.from('text') : undefined)),
    ...sshService(() => undefined),
    ...uploadService(new Map([['context.tar', '/etc/hostname']])),
  ])
})
afterEach(() => session.close())

/** What a node reads over the session; rejects when it must not. */
async function read(name: string, digest: string): Promise<string> {
  const metadata = { 'buildkit-attachable-store-id': name }
  const chunks: Uint8Array[] = []
  for await (const { data } of session.client.stream(Content.method.read, { digest }, { metadata })) chunks.push(data)
  return Buffer.concat(chunks).toString()
}

async function write(name: string, bytes: Buffer, { expected = sha256(bytes), total = bytes.length } = {}) {
  const call = session.client.open(Content.method.write, { metadata: { 'buildkit-attachable-store-id': name } })
  call.ended.catch(() => undefined)
  await call.send({ action: WriteAction.STAT, ref: 'r', expected, total: BigInt(total) })
  await call.send({ action: WriteAction.WRITE, data: bytes, total: BigInt(total) })
  await call.send({ action: WriteAction.COMMIT, expected, total: BigInt(total), offset: BigInt(bytes.length) })
  call.end()
  for await (const answer of call.messages) void answer
  await call.ended
}

const NOT_FOUND = { code: GRPC.notFound }

describe('a node in the store', () => {
  test('reads no blob that it has not written, though it knows the digest', async () => {
    const bytes = Buffer.from('a layer of another build')
    await store.blobs.put(bytes, MEDIA_TYPE.layer)
    const digest = sha256(bytes)
    const metadata = { 'buildkit-attachable-store-id': 'export' }
    await expect(read('export', digest)).rejects.toMatchObject(NOT_FOUND)
    await expect(session.client.unary(Content.method.info, { digest }, { metadata })).rejects.toMatchObject(NOT_FOUND)
    // Nor is it told that it need not send it: who has the bytes sends them
    await write('export', bytes)
    await expect(write('export', bytes)).rejects.toMatchObject({ code: GRPC.alreadyExists })
  })

  test('reads what it has written', async () => {
    const bytes = Buffer.from('a result')
    await write('export', bytes)
    expect(await read('export', sha256(bytes))).toBe('a result')
  })

  test('writes no more than it announced, and leaves nothing of it', async () => {
    await expect(write('export', Buffer.alloc(100), { total: 10 })).rejects.toMatchObject({
      code: GRPC.invalidArgument,
    })
    expect(readdirSync(store.folder.tmp)).toEqual([])
  })
})

describe('a node that is given an image of a layout', () => {
  let layout: string
  const blob = (bytes: string | Buffer) => {
    const digest = sha256(Buffer.from(bytes))
    writeFileSync(join(layout, 'blobs/sha256', digest.slice(7)), bytes)
    return { digest, size: Buffer.from(bytes).length }
  }
  const image = (name: string) => {
    const [config, layer] = [blob(`{"name":"${name}"}`), blob(`layer of ${name}`)]
    const manifest = blob(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.manifest,
        config: { ...config, mediaType: MEDIA_TYPE.config },
        layers: [{ ...layer, mediaType: MEDIA_TYPE.layer }],
      }),
    )
    return { config, layer, manifest: { ...manifest, mediaType: MEDIA_TYPE.manifest } }
  }
  const named = (name: string, { manifest }: ReturnType<typeof image>) => ({
    ...manifest,
    annotations: { 'org.opencontainers.image.ref.name': name },
  })

  /** Hands the image called `one` over; gives the name of its store. */
  async function handOver(): Promise<string> {
    await namedContextAttributes({
      build: {
        options: { cwd: '/', buildContexts: { base: { kind: 'oci-layout', path: layout, ref: 'one' } } },
      } as unknown as RemoteBuild,
      facts: { platforms: [], givesOci: true, abilities: new Set() },
      platform: parsePlatform('linux/amd64'),
      stages: [],
      signal: new AbortController().signal,
      stores,
    })
    return [...stores.keys()].find((name) => name.startsWith('oci:'))!
  }

  beforeEach(() => {
    layout = tempFolder()
    mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
    writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  })

  test('reads all of it, and nothing of the other images there', async () => {
    const [one, other] = [image('one'), image('other')]
    writeFileSync(
      join(layout, 'index.json'),
      JSON.stringify({ schemaVersion: 2, manifests: [named('one', one), named('other', other)] }),
    )
    const name = await handOver()
    expect(await read(name, one.layer.digest)).toBe('layer of one')
    expect(await read(name, one.config.digest)).toBe('{"name":"one"}')
    expect(await read(name, one.manifest.digest)).toContain(one.layer.digest)
    for (const { digest } of Object.values(other)) await expect(read(name, digest)).rejects.toMatchObject(NOT_FOUND)
  })

  test('reads no file of this machine that a link in the layout leads to, but a blob that lies elsewhere', async () => {
    const elsewhere = tempFolder()
    const config = blob('{}')
    const linked = (bytes: string, digest: string) => {
      writeFileSync(join(elsewhere, digest.slice(7)), bytes)
      symlinkSync(join(elsewhere, digest.slice(7)), join(layout, 'blobs/sha256', digest.slice(7)))
      return { digest, size: bytes.length, mediaType: MEDIA_TYPE.layer }
    }
    const good = linked('a layer', sha256('a layer'))
    const bad = linked('a private file', sha256('something else'))
    const manifest = blob(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.manifest,
        config: { ...config, mediaType: MEDIA_TYPE.config },
        layers: [good, bad],
      }),
    )
    const entry = {
      ...manifest,
      mediaType: MEDIA_TYPE.manifest,
      annotations: { 'org.opencontainers.image.ref.name': 'one' },
    }
    writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }))
    const name = await handOver()
    expect(await read(name, good.digest)).toBe('a layer')
    await expect(read(name, bad.digest)).rejects.toMatchObject(NOT_FOUND)
  })
})

describe('a node that asks for what nobody gave it', () => {
  const stream = async (call: ReturnType<typeof session.client.open>) => {
    call.end()
    for await (const answer of call.messages) void answer
    await call.ended
  }
  test.each<[what: string, ask: () => Promise<unknown>]>([
    ['a content store', () => read('local:to-000', sha256('x'))],
    [
      'a folder',
      () => stream(session.client.open(FileSync.method.diffCopy, { metadata: { 'dir-name': '/etc' } }) as never),
    ],
    [
      'a file',
      () => stream(session.client.open(Upload.method.pull, { metadata: { urlpath: '/../../etc/passwd' } }) as never),
    ],
    ['a secret', () => session.client.unary(Secrets.method.getSecret, { ID: 'other' })],
    [
      'a secret by the name of what all objects have',
      () => session.client.unary(Secrets.method.getSecret, { ID: 'constructor' }),
    ],
    ['an agent', () => session.client.unary(SSH.method.checkAgent, { ID: 'default' })],
  ])('finds nothing: %s', async (_, ask) => {
    await expect(ask()).rejects.toMatchObject(NOT_FOUND)
  })
})
