import { createHash } from 'node:crypto'
import { createReadStream, statSync, type Stats } from 'node:fs'
import { chmod, open, rename, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { tempNameFor } from '../host/files.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import { digestAlgorithm, digestHex, parseDigest, sha256 } from '../oci/digest.ts'
import { download, type OpenSource, type TransferOptions } from './download.ts'
import { storeFailure } from './failure.ts'
import type { StoreFolder } from './folder.ts'

/**
 * Every complete blob carries this modification time (seconds). Whoever writes into a blob moves it, so that one `stat`
 * tells whether the bytes must be hashed again before they are trusted.
 */
const SEALED = 1_000_000_000

/** Content by digest on disk. */
export interface BlobStore {
  /** The file that holds the content, whether it is there or not. Throws BAD_REFERENCE for what is no digest. */
  path(digest: string): string
  /**
   * Whether the content is there and is what its digest says; anything else of that name is removed. `size` in bytes,
   * when known.
   */
  has(digest: string, size?: number): Promise<boolean>
  /** Keeps bytes; what is there already is not written again. */
  put(bytes: Uint8Array, mediaType: string): Promise<Descriptor>
  read(digest: string): NodeJS.ReadableStream
  /** Takes over a finished file whose digest the caller has computed. */
  adopt(file: string, digest: string): Promise<void>
  /**
   * Fills the blob from `open(offset)`, going on where an earlier, broken transfer stopped; two calls for one digest
   * are one transfer.
   */
  fetch(descriptor: Descriptor, open: OpenSource, options: TransferOptions): Promise<void>
}

/** Opens the blob folder of a store. Its methods throw STORE when the disk is full or the like. */
export function createBlobStore(folder: StoreFolder): BlobStore {
  const path = (digest: string) => join(folder.blobs, digestHex(parseDigest(digest)))
  const running = new Map<string, Promise<void>>()

  async function has(digest: string, size?: number): Promise<boolean> {
    const file = path(digest)
    const found = statOf(file)
    if (!found) return false
    if (found.isFile() && (size === undefined || found.size === size)) {
      if (isSealed(found)) return true
      if ((await hashFile(file, digestAlgorithm(parseDigest(digest)))) === digest) {
        await seal(file)
        return true
      }
    }
    await rm(file, { recursive: true, force: true })
    return false
  }

  async function adopt(file: string, digest: string): Promise<void> {
    await chmod(file, 0o644) // behind private folders; an output may be another name of the file
    await seal(file)
    await rename(file, path(digest))
  }

  async function put(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    const digest = sha256(bytes)
    if (await has(digest, bytes.length)) return { mediaType, digest, size: bytes.length }
    const temp = tempNameFor(path(digest))
    try {
      const handle = await open(temp, 'wx', 0o600)
      try {
        await handle.writeFile(bytes)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await adopt(temp, digest)
    } catch (error) {
      await rm(temp, { force: true })
      throw storeFailure(folder.root, error)
    }
    return { mediaType, digest, size: bytes.length }
  }

  function fetch(descriptor: Descriptor, source: OpenSource, options: TransferOptions): Promise<void> {
    const known = running.get(descriptor.digest)
    if (known) return known
    const promise = download(folder, descriptor, {
      ...options,
      source,
      finish: (part) => adopt(part, descriptor.digest),
    })
      .catch((error: unknown) => {
        throw storeFailure(folder.root, error)
      })
      .finally(() => running.delete(descriptor.digest))
    running.set(descriptor.digest, promise)
    return promise
  }

  return { path, has, put, adopt, fetch, read: (digest) => createReadStream(path(digest), { highWaterMark: 1 << 20 }) }
}

/** At once: a build asks for the same few dozen files again and again. */
function statOf(file: string): Stats | undefined {
  try {
    return statSync(file)
  } catch {
    return undefined
  }
}

async function seal(file: string): Promise<void> {
  await utimes(file, SEALED, SEALED)
}

/** Whether a blob is as it was when its bytes were last hashed, by its modification time alone. */
export function isSealed({ mtimeMs }: { readonly mtimeMs: number }): boolean {
  return mtimeMs === SEALED * 1000
}

/** The digest of a file's bytes. */
export async function hashFile(file: string, algorithm = 'sha256'): Promise<Digest> {
  const hash = createHash(algorithm)
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return `${algorithm}:${hash.digest('hex')}`
}
