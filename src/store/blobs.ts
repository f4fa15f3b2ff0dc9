import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Transform } from 'node:stream'
import { XbuildError } from '../errors.ts'
import { tempNameFor } from '../host/files.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import type { StoreFolder } from './folder.ts'

/**
 * Every complete blob carries this modification time (seconds). Whoever writes into a blob moves it, so that one `stat`
 * tells whether the bytes must be hashed again before they are trusted.
 */
const SEALED = 1_000_000_000

/** Content by digest on disk. */
export interface BlobStore {
  path(digest: string): string
  /** Whether the content is there and is what its digest says; a corrupt file is removed. `size` in bytes, when known. */
  has(digest: string, size?: number): Promise<boolean>
  put(bytes: Uint8Array, mediaType: string): Promise<Descriptor>
  read(digest: string): NodeJS.ReadableStream
  /** Takes over a finished file whose digest the caller has computed. */
  adopt(file: string, digest: string): Promise<void>
  /** Fills the blob from `open(offset)`, going on where an earlier, broken transfer stopped. */
  fetch(
    descriptor: Descriptor,
    open: (offset: number) => Promise<NodeJS.ReadableStream>,
    options: { signal: AbortSignal; onProgress?: (current: number) => void },
  ): Promise<void>
}

/** Opens the blob folder of a store. */
export function createBlobStore(folder: StoreFolder): BlobStore {
  const path = (digest: string) => join(folder.blobs, digest.slice(digest.indexOf(':') + 1))
  const running = new Map<string, Promise<void>>()

  async function has(digest: string, size?: number): Promise<boolean> {
    const file = path(digest)
    const found = await stat(file).catch(() => undefined)
    if (!found?.isFile()) return false
    if (found.mtimeMs === SEALED * 1000 && (size === undefined || found.size === size)) return true
    if ((size === undefined || found.size === size) && (await hashFile(file)) === digest) {
      await seal(file)
      return true
    }
    await rm(file, { force: true })
    return false
  }

  async function adopt(file: string, digest: string): Promise<void> {
    await seal(file)
    await rename(file, path(digest))
  }

  async function put(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest
    if (!(await has(digest, bytes.length))) {
      const temp = tempNameFor(path(digest))
      const handle = await open(temp, 'wx', 0o644)
      try {
        await handle.writeFile(bytes)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await adopt(temp, digest)
    }
    return { mediaType, digest, size: bytes.length }
  }

  function fetch(...[descriptor, source, options]: Parameters<BlobStore['fetch']>): Promise<void> {
    const known = running.get(descriptor.digest)
    if (known) return known
    const promise = download(folder, path(descriptor.digest), descriptor, source, options).finally(() => running.delete(descriptor.digest))
    running.set(descriptor.digest, promise)
    return promise
  }

  return { path, has, put, adopt, fetch, read: (digest) => createReadStream(path(digest), { highWaterMark: 1 << 20 }) }
}

async function seal(file: string): Promise<void> {
  await utimes(file, SEALED, SEALED)
}

/** The digest of a file's bytes. */
export async function hashFile(file: string): Promise<Digest> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return `sha256:${hash.digest('hex')}`
}

async function download(
  folder: StoreFolder,
  target: string,
  descriptor: Descriptor,
  source: (offset: number) => Promise<NodeJS.ReadableStream>,
  options: { signal: AbortSignal; onProgress?: (current: number) => void },
): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  const part = await claimPart(folder, descriptor)
  try {
    const hash = createHash(descriptor.digest.startsWith('sha512:') ? 'sha512' : 'sha256')
    let offset = (await stat(part).catch(() => undefined))?.size ?? 0
    if (offset > descriptor.size) offset = 0
    if (offset > 0) for await (const chunk of createReadStream(part, { end: offset - 1 })) hash.update(chunk as Buffer)
    if (offset < descriptor.size || descriptor.size === 0) {
      let current = offset
      const meter = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk)
          current += chunk.length
          options.onProgress?.(current)
          if (current > descriptor.size) done(new XbuildError('DIGEST_MISMATCH', `Cannot store ${descriptor.digest}: more than ${descriptor.size} bytes arrived`))
          else done(null, chunk)
        },
      })
      await pipeline(await source(offset), meter, createWriteStream(part, { flags: offset > 0 ? 'a' : 'w' }), { signal: options.signal })
    }
    const digest = `${descriptor.digest.split(':')[0]}:${hash.digest('hex')}`
    if (digest !== descriptor.digest) {
      await rm(part, { force: true })
      throw new XbuildError('DIGEST_MISMATCH', `Cannot store ${descriptor.digest}: the bytes that arrived are ${digest}`, {
        hint: 'The source or something between changes the content: try again, or use another source',
      })
    }
    const handle = await open(part, 'r')
    await handle.sync().finally(() => handle.close())
    await seal(part)
    await rename(part, target)
  } catch (error) {
    // Given back under the common name, so that the next try can go on from here.
    await rename(part, join(folder.ingest, `${hexOf(descriptor)}.part`)).catch(() => undefined)
    throw error
  }
}

const hexOf = (descriptor: Descriptor) => descriptor.digest.slice(descriptor.digest.indexOf(':') + 1)

/** Takes what an earlier transfer left, if no living process is at it; the name then carries our process id. */
async function claimPart(folder: StoreFolder, descriptor: Descriptor): Promise<string> {
  const hex = hexOf(descriptor)
  const mine = join(folder.ingest, `${hex}.${process.pid}.part`)
  const left = (await readdir(folder.ingest).catch(() => [])).filter((name) => name.startsWith(hex))
  for (const name of left) {
    const pid = Number(/\.(\d+)\.part$/.exec(name)?.[1] ?? 0)
    if (pid !== 0 && pid !== process.pid && isAlive(pid)) continue
    await rename(join(folder.ingest, name), mine).catch(() => undefined)
    break
  }
  return mine
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
