import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, rename, rm, stat, utimes, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { XbuildError } from '../errors.ts'
import { tempNameFor } from './files.ts'
import { pipeToFile } from './pipe-to-file.ts'

/** How often a pipe is tried whose reader is not there yet. */
const READER_MS = 50

/** What one output may do. */
export interface WriteOptions {
  readonly signal: AbortSignal
}

/**
 * Writes a file from a stream; its name shows up, or changes, only once everything is there. A device or pipe is
 * written as it is.
 */
export async function stageFile(path: string, data: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void> {
  const found = await kindOf(path)
  if (found === 'folder')
    throw new XbuildError('BAD_OPTION', `Cannot write "${path}": it is a folder`, { hint: 'Name a file' })
  // A rename would put a file in the place of /dev/null
  const written = found === 'special' ? writeSpecial(path, data, options) : stageStream(path, data, options)
  await written.catch((error: unknown) => {
    throw writeFailed(path, error)
  })
}

/** To open a pipe waits for its reader, which may never come: no signal ends such a wait in a thread. */
async function writeSpecial(path: string, data: AsyncIterable<Uint8Array>, { signal }: WriteOptions): Promise<void> {
  const probe = await openWithReader(path, signal)
  try {
    const fd = await open(path, 'w')
    await pipeline(data, fd.createWriteStream(), { signal })
  } finally {
    await probe.close()
  }
}

async function openWithReader(path: string, signal: AbortSignal): Promise<FileHandle> {
  for (;;) {
    signal.throwIfAborted()
    try {
      return await open(path, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      // A socket says so, too
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO' || !(await stat(path)).isFIFO()) throw error
      await sleep(READER_MS, undefined, { signal })
    }
  }
}

/**
 * `stageFile` for a file inside a larger output: what the file system says comes as it is, for the caller to put the
 * output's name on.
 */
export async function stageStream(path: string, data: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void> {
  await staged(path, async (temp) => pipeToFile([data], temp, { flags: 'wx', ...options }))
}

/** Makes a folder that is not there yet; its name shows up only once `fill` is done. */
export async function stageFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const made = staged(path, async (temp) => {
    await mkdir(temp)
    await fill(temp)
  })
  await made.catch((error: unknown) => {
    throw writeFailed(path, error)
  })
}

async function staged(path: string, make: (temp: string) => Promise<void>): Promise<void> {
  const temp = tempNameFor(path)
  try {
    await mkdir(dirname(path), { recursive: true })
    await make(temp)
    await rename(temp, path)
  } catch (error) {
    await rm(temp, { recursive: true, force: true })
    throw error
  }
}

/** What a path names; symbolic links are followed. */
export async function kindOf(path: string): Promise<'absent' | 'file' | 'folder' | 'special'> {
  try {
    const found = await stat(path)
    if (found.isBlockDevice())
      throw new XbuildError('BAD_OPTION', `Cannot write "${path}": it is a block device`, { hint: 'Name a file' })
    return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'special'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent'
    throw writeFailed(path, error)
  }
}

/**
 * Gives a file a second name, or a copy where that cannot be (another file system, another owner). The new name shows
 * only whole content. A copy carries the file's modification time: one of equal size and time is known as an earlier
 * copy, and left, unless the time is that of its own writing. Says whether the name is new.
 */
export async function linkOrCopy(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target)
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (code !== 'EEXIST' && !CANNOT_LINK.has(code)) throw error
  }
  const [from, to] = await Promise.all([stat(source), stat(target).catch(() => undefined)])
  if (to && from.dev === to.dev && from.ino === to.ino) return false
  if (to?.isFile() && from.size === to.size && from.mtimeMs === to.mtimeMs && to.ctimeMs - to.mtimeMs > 1000)
    return false
  await staged(target, async (temp) => {
    const linked = await link(source, temp).then(
      () => true,
      () => false,
    )
    if (linked) return
    await copyFile(source, temp, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    await utimes(temp, from.atime, from.mtime)
  })
  return to === undefined
}

const CANNOT_LINK: ReadonlySet<string> = new Set(['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'])

/** A failure of the file system with the name of the output in it; other errors come back as they are. */
export function writeFailed(path: string, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error instanceof XbuildError || code === undefined || syscall === undefined) return error
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new XbuildError('HOST', `Cannot write "${path}": ${REASONS[code] ?? (error as Error).message}`, {
    cause: error,
    ...(full ? { hint: 'Free space, or write to another place' } : {}),
  })
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on device',
  EDQUOT: 'disk quota exceeded',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a folder',
  EPIPE: 'the reader closed the pipe',
}
