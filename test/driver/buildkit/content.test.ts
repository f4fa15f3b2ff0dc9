import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  WriteAction,
  WriteContentRequestSchema,
  type WriteContentResponseSchema,
} from '../../../src/driver/buildkit/gen/content_pb.ts'
import { checkedDigest } from '../../../src/driver/buildkit/session/contents.ts'
import { createContentWriter } from '../../../src/driver/buildkit/session/content-write.ts'
import { givenBlobs } from '../../../src/driver/buildkit/session/given.ts'
import { imageContents, layoutContents, storeContents } from '../../../src/driver/buildkit/session/contents.ts'
import { sha256 } from '../../../src/oci/digest.ts'
import { openStore } from '../../../src/store/store.ts'
import { tempFolder } from '../../support/temp-folder.ts'

type Request = MessageInitShape<typeof WriteContentRequestSchema>
type Response = MessageInitShape<typeof WriteContentResponseSchema>

const bytes = Buffer.from('some content')
const digest = sha256(bytes)

async function store() {
  return openStore(tempFolder())
}

/** Runs one write; gives the answers. */
async function write(
  writer: ReturnType<typeof createContentWriter>,
  contents: Parameters<typeof writer>[0],
  requests: readonly Request[],
): Promise<Response[]> {
  const answers: Response[] = []
  await writer(contents, {
    requests: (async function* () {
      for (const request of requests) yield create(WriteContentRequestSchema, request)
    })(),
    send: async (answer) => void answers.push(answer),
  })
  return answers
}

const whole = (expected: string): Request[] => [
  { action: WriteAction.STAT, ref: 'r', expected },
  { action: WriteAction.WRITE, data: bytes.subarray(0, 5), offset: 0n },
  { action: WriteAction.WRITE, data: bytes.subarray(5), offset: 5n },
  { action: WriteAction.COMMIT, expected, total: BigInt(bytes.length), offset: BigInt(bytes.length) },
]

describe('content that a daemon writes', () => {
  test('is kept by its digest', async () => {
    const opened = await store()
    const answers = await write(
      createContentWriter(),
      storeContents(opened, givenBlobs(opened, 'a node')),
      whole(digest),
    )
    expect(answers.map(({ offset }) => offset)).toEqual([0n, 5n, 12n, 12n])
    expect(answers.at(-1)).toMatchObject({ action: WriteAction.COMMIT, digest })
    expect(readFileSync(opened.blobs.path(digest))).toEqual(bytes)
    expect(readdirSync(opened.folder.tmp)).toEqual([])
  })

  test('that the node gave before is not taken again; that others gave is taken from each once', async () => {
    const opened = await store()
    await opened.blobs.put(bytes, 'x')
    const as = (node: string) =>
      write(createContentWriter(), storeContents(opened, givenBlobs(opened, node)), whole(digest))
    for (const node of ['a node', 'another']) {
      expect((await as(node)).at(-1)).toMatchObject({ digest })
      await expect(as(node)).rejects.toMatchObject({ code: 6 })
    }
    expect(readFileSync(opened.blobs.path(digest))).toEqual(bytes)
  })

  test('is written once when two jobs write it at the same time', async () => {
    const opened = await store()
    const writer = createContentWriter()
    const both = await Promise.allSettled([
      write(writer, storeContents(opened, givenBlobs(opened, 'a node')), whole(digest)),
      write(writer, storeContents(opened, givenBlobs(opened, 'a node')), whole(digest)),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled'])
    expect(readFileSync(opened.blobs.path(digest))).toEqual(bytes)
  })

  test.each([
    ['another digest than announced', whole(sha256('other')), 'expected sha256:'],
    [
      'another size',
      whole(digest).map((request) => (request.action === WriteAction.COMMIT ? { ...request, total: 3n } : request)),
      'expected 3',
    ],
    ['a gap', [whole(digest)[0]!, whole(digest)[2]!], 'offset 5'],
    ['a name that is no digest', [{ action: WriteAction.STAT, expected: '../../etc/passwd' }], 'is not a digest'],
    ['nothing more', whole(digest).slice(0, 3), undefined],
  ])('leaves nothing behind when it has %s', async (_, requests, message) => {
    const opened = await store()
    const writing = write(createContentWriter(), storeContents(opened, givenBlobs(opened, 'a node')), requests)
    if (message) await expect(writing).rejects.toThrow(message)
    else await writing
    expect(existsSync(opened.blobs.path(digest))).toBe(false)
    expect(readdirSync(opened.folder.tmp)).toEqual([])
  })

  test('is refused where nothing may be written', async () => {
    await expect(write(createContentWriter(), layoutContents(tempFolder()), whole(digest))).rejects.toMatchObject({
      code: 7,
    })
  })
})

describe('content that a daemon reads', () => {
  test('comes in ranges, from layouts and from images', async () => {
    const layout = tempFolder()
    mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
    writeFileSync(join(layout, 'blobs', digest.replace(':', '/')), bytes)
    const descriptor = { mediaType: 'x', digest, size: bytes.length }
    const contents = layoutContents(layout)
    const image = imageContents([descriptor], {
      path: async () => undefined,
      read: async () => await contents.read(digest, { start: 0, end: 11 }),
      origins: async () => [],
    })
    for (const source of [contents, image]) {
      expect(await source.size(digest)).toBe(12)
      expect(await source.size(sha256('x'))).toBeUndefined()
      const parts: Buffer[] = []
      for await (const part of await source.read(digest, { start: 5, end: 8 })) parts.push(part as Buffer)
      expect(Buffer.concat(parts).toString()).toBe('cont')
    }
  })

  test.each(['', 'sha256:../../etc/passwd', 'sha256:abc', 'md5:x'])(
    'is not found under %j, which is not a digest',
    (text) => {
      expect(() => checkedDigest(text)).toThrow('is not a digest')
    },
  )
})
