import { createReadStream } from 'node:fs'
import { mkdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { randomBytes } from 'node:crypto'
import { tempNameFor } from '../../../host/files.ts'
import type { Descriptor } from '../../../oci/descriptor.ts'
import { parseDigest } from '../../../oci/digest.ts'
import type { Store } from '../../../store/store.ts'
import type { BlobSource } from '../../driver.ts'
import { GRPC, GrpcFailure } from '../grpc/status.ts'

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
  /** A name for a file that is being written. */
  newFile(): Promise<string>
  /** Takes over a complete file whose digest was checked. */
  adopt(file: string, digest: string): Promise<void>
}

/** The local store: results of the daemon come into it. */
export function storeContents({ blobs, folder }: Store): Contents {
  return {
    size: async (digest) => ((await blobs.has(digest)) ? (await stat(blobs.path(digest))).size : undefined),
    read: async (digest, range) => createReadStream(blobs.path(digest), { ...range, highWaterMark: 1 << 18 }),
    target: {
      newFile: async () => join(folder.tmp, `${process.pid}-blob-${randomBytes(6).toString('hex')}`),
      adopt: (file, digest) => blobs.adopt(file, digest),
    },
  }
}

/** The blobs of an OCI image layout. */
export function layoutContents(path: string, { writable = false } = {}): Contents {
  const fileOf = (digest: string) => join(path, 'blobs', ...parseDigest(digest).split(':'))
  const target: ContentTarget = {
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
    size: async (digest) =>
      stat(fileOf(digest)).then(
        (found) => (found.isFile() ? found.size : undefined),
        () => undefined,
      ),
    read: async (digest, range) => createReadStream(fileOf(digest), { ...range, highWaterMark: 1 << 18 }),
    ...(writable ? { target } : {}),
  }
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
