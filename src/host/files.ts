import { randomBytes } from 'node:crypto'
import { accessSync, closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { constants, mkdir, open, rename, rm } from 'node:fs/promises'
import { delimiter, dirname, isAbsolute, join } from 'node:path'

/** A name beside `path` that no other process uses; a killed writer leaves only such names behind. */
export function tempNameFor(path: string): string {
  return join(dirname(path), `.tmp-${process.pid}-${randomBytes(6).toString('hex')}`)
}

interface AtomicWriting {
  readonly fsync?: boolean
  /** Default: 0644, less what the umask takes. */
  readonly mode?: number
  /** Nobody else may read it, nor enter its folder. */
  readonly isPrivate?: boolean
}

/** Larger ones are not written while everything else waits. */
const SMALL = 64 << 10

/** Writes a whole file so that its name only ever shows complete content: temp name, fsync, rename. */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: AtomicWriting = {},
): Promise<void> {
  if (options.fsync === false && data.length <= SMALL) return writeSmallFile(path, data, options)
  await mkdir(dirname(path), { recursive: true, ...(options.isPrivate ? { mode: 0o700 } : {}) })
  const temp = tempNameFor(path)
  try {
    const handle = await open(temp, 'wx', options.isPrivate ? 0o600 : (options.mode ?? 0o644))
    try {
      await handle.writeFile(data)
      if (options.fsync !== false) await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temp, path)
  } catch (error) {
    await rm(temp, { force: true })
    throw error
  }
}

/** A few calls that wait for no disk take much less time than as many promises. */
function writeSmallFile(path: string, data: string | Uint8Array, { mode = 0o644, isPrivate }: AtomicWriting): void {
  const temp = tempNameFor(path)
  try {
    let handle: number
    try {
      handle = openSync(temp, 'wx', isPrivate ? 0o600 : mode)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      mkdirSync(dirname(path), { recursive: true, ...(isPrivate ? { mode: 0o700 } : {}) })
      handle = openSync(temp, 'wx', isPrivate ? 0o600 : mode)
    }
    try {
      writeFileSync(handle, data)
    } finally {
      closeSync(handle)
    }
    renameSync(temp, path)
  } catch (error) {
    rmSync(temp, { force: true })
    throw error
  }
}

/** Sees to it that the names in a folder outlive a power cut, where its file system can. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
  } finally {
    await handle.close()
  }
}

/**
 * Makes a folder with those above it. Unlike node's own way it ends where the kernel makes no folders at all, as in
 * /proc. The umask takes from `mode`.
 */
export async function makeFolders(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    // Somebody else may make the parent meanwhile: whether it is there tells nothing
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolders(dirname(path), mode)
    await mkdir(path, { mode }).catch((again: NodeJS.ErrnoException) => {
      if (again.code !== 'EEXIST') throw again
    })
  }
}

/** Whether a path can be read by this process. */
export async function exists(path: string): Promise<boolean> {
  return canAccess(path, constants.F_OK)
}

/**
 * Full path of a program on PATH (and in the sbin folders, which users often lack), if it is there and executable.
 * Relative folders on PATH do not count: they are in whatever is built.
 */
export async function findProgram(name: string, path: string = process.env['PATH'] ?? ''): Promise<string | undefined> {
  if (name.includes('/')) return canAccess(name, constants.X_OK) ? name : undefined
  const folders = [
    ...path.split(delimiter).filter(isAbsolute),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/bin',
    '/bin',
  ]
  for (const folder of folders) {
    const candidate = join(folder, name)
    if (canAccess(candidate, constants.X_OK)) return candidate
  }
  return undefined
}

function canAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
