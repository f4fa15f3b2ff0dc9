import { createReadStream } from 'node:fs'
import { mkdir, realpath, rename, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createHash } from 'node:crypto'
import { tempNameFor } from '../../../host/files.ts'
import type { Descriptor } from '../../../oci/descriptor.ts'
import { parseDigest } from '../../../oci/digest.ts'
import type { Store } from '../../../store/store.ts'
import type { BlobSource } from '../../../content/built-image.ts'
import { GRPC, GrpcFailure } from '../grpc/status.ts'
import { markedName } from '../../../store/leftovers.ts'
import type { GivenBlobs } from './given.ts'

/**
 * Content by digest that the daemon may read over the session, and write if there is a `target`. Digests are checked
 * before they come here.
 */
export interface Contents {
  /** Bytes of the content; undefined when it is not there. */
  size(digest: string): Promise<number | undefined>
  read(digest: string, range: ByteRange): Promise<Readable>
  readonly target?: ContentTarget
}

/** `end` is the last byte. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Where new content goes. */
export interface ContentTarget {
  /** Whether it need not be written: it is there. That does not mean that it may be read. */
  has(digest: string): Promise<boolean>
  /** Folder of the files that are being written. */
  readonly folder: string
  /** A name for a file that is being written. */
  newFile(): Promise<string>
  /** Takes over a complete file whose digest was checked. */
  adopt(file: string, digest: string): Promise<void>
}

/** The local store: results of the daemon come into it. The daemon reads what it has written there, and nothing else. */
export function storeContents({ blobs, folder }: Store, given: GivenBlobs): Contents {
  return {
    size: async (digest) =>
      given.isNew(digest) && (await blobs.has(digest)) ? (await stat(blobs.path(digest))).size : undefined,
    read: async (digest, range) => createReadStream(blobs.path(digest), { ...range, highWaterMark: 1 << 18 }),
    target: {
      folder: folder.tmp,
      has: given.has,
      newFile: async () => join(folder.tmp, markedName('blob')),
      adopt: given.adopt,
    },
  }
}

/** The blobs of an OCI image layout. */
export function layoutContents(path: string, { writable = false }: { readonly writable?: boolean } = {}): Contents {
  const fileOf = (digest: string) => join(path, 'blobs', ...parseDigest(digest).split(':'))
  const honest = new Map<string, Promise<boolean>>()
  /** Some programs make layouts of symbolic links. What they lead to is given out when it is what the digest says. */
  const isHonest = (digest: string) => {
    const asking = honest.get(digest) ?? liesInside(path, fileOf(digest), digest)
    honest.set(digest, asking)
    return asking
  }
  const size = async (digest: string) => {
    const found = await stat(fileOf(digest)).catch(() => undefined)
    return found?.isFile() && (await isHonest(digest)) ? found.size : undefined
  }
  const target: ContentTarget = {
    folder: path,
    has: async (digest) => (await size(digest)) !== undefined,
    async newFile() {
      await mkdir(path, { recursive: true })
      return tempNameFor(join(path, 'blob'))
    },
    async adopt(file, digest) {
      await mkdir(dirname(fileOf(digest)), { recursive: true })
      await rename(file, fileOf(digest))
    },
  }
  return {
    size,
    read: async (digest, range) => createReadStream(fileOf(digest), { ...range, highWaterMark: 1 << 18 }),
    ...(writable ? { target } : {}),
  }
}

/** Whether a blob of a layout is a file of it; one that lies elsewhere must be what its digest says. */
async function liesInside(layout: string, file: string, digest: string): Promise<boolean> {
  const [root, real] = await Promise.all([realpath(layout), realpath(file)])
  if (real === join(root, relative(layout, file))) return true
  const [algorithm = '', hex] = digest.split(':')
  const hash = createHash(algorithm)
  await pipeline(createReadStream(real), hash)
  return hash.digest('hex') === hex
}

/** The content of an image that was built already, and nothing else of where it lies. */
export function imageContents(descriptors: readonly Descriptor[], source: BlobSource): Contents {
  const known = new Map<string, Descriptor>(descriptors.map((descriptor) => [descriptor.digest, descriptor]))
  return {
    size: async (digest) => known.get(digest)?.size,
    async read(digest, { start, end }) {
      const descriptor = known.get(digest)!
      const file = await source.path(descriptor)
      if (file !== undefined) return createReadStream(file, { start, end, highWaterMark: 1 << 18 })
      const { Readable } = await import('node:stream')
      return Readable.from(slice((await source.read(descriptor)) as AsyncIterable<Buffer>, { start, end }))
    },
  }
}

async function* slice(stream: AsyncIterable<Buffer>, { start, end }: ByteRange): AsyncGenerator<Buffer> {
  let at = 0
  for await (const chunk of stream) {
    const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end + 1 - at))
    if (part.length > 0) yield part
    at += chunk.length
    if (at > end) return
  }
}

/** Digests become names of files. */
export function checkedDigest(digest: string): string {
  try {
    return parseDigest(digest)
  } catch (cause) {
    throw new GrpcFailure(GRPC.invalidArgument, `${JSON.stringify(digest.slice(0, 100))} is not a digest`, { cause })
  }
}
