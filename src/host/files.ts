import { randomBytes } from 'node:crypto'
import { access, constants, mkdir, open, rename, rm } from 'node:fs/promises'
import { delimiter, dirname, isAbsolute, join } from 'node:path'

/** A name beside `path` that no other process uses; a killed writer leaves only such names behind. */
export function tempNameFor(path: string): string {
  return join(dirname(path), `.tmp-${process.pid}-${randomBytes(6).toString('hex')}`)
}

/** Writes a whole file so that its name only ever shows complete content: temp name, fsync, rename. */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: {
    readonly fsync?: boolean
    /** Default: 0644, less what the umask takes. */
    readonly mode?: number
    /** Nobody else may read it, nor enter its folder. */
    readonly isPrivate?: boolean
  } = {},
): Promise<void> {
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
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  )
}

/**
 * Full path of a program on PATH (and in the sbin folders, which users often lack), if it is there and executable.
 * Relative folders on PATH do not count: they are in whatever is built.
 */
export async function findProgram(name: string, path: string = process.env['PATH'] ?? ''): Promise<string | undefined> {
  if (name.includes('/')) return (await executable(name)) ? name : undefined
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
    if (await executable(candidate)) return candidate
  }
  return undefined
}

async function executable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
