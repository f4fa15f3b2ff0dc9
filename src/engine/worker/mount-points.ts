import { dirname, join, relative } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { chmodSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from '../../host/byte-files.ts'
import { makeFolders, resolveInRoot, type MadeFolders } from '../../content/in-root.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import { MOUNT_POINTS } from './bundle.ts'
import { setFolderTime } from './folder-times.ts'

/** What a container's mounts needed in an image that did not have it. */
export interface MountPoints {
  /** Parents first. */
  readonly made: readonly string[]
  /** Folders of the image that got one of them, with the time they had. */
  readonly grown: readonly NonNullable<MadeFolders['grown']>[]
}

/** Where mounts go, by what must be there. */
export interface MountTargets {
  readonly files: readonly string[]
  readonly folders?: readonly string[]
  /** Those of the folders that a tmpfs is mounted on. */
  readonly inMemory?: readonly string[]
  readonly under?: readonly string[]
}

/**
 * Makes what the container's mounts, and files and folders that others are mounted over, need in the image. Files
 * `under` are mounted before the folders.
 */
export function makeMountPoints(
  root: string,
  { files, folders = [], inMemory = [], under = [] }: MountTargets,
): MountPoints {
  const made: string[] = []
  const grown: NonNullable<MadeFolders['grown']>[] = []
  const folder = (path: string): string => {
    const result = makeFolders(root, path)
    made.push(...result.made)
    if (result.grown) grown.push(result.grown)
    return result.path
  }
  // What lies inside another mount is not seen in the image
  const isBelow = (path: string, others: readonly string[]) => others.some((other) => path.startsWith(`${other}/`))
  const isInside = (path: string) => isBelow(path, folders)
  // These stay in the image, as BuildKit leaves them: without them its containers could not have a read-only root
  for (const path of MOUNT_POINTS) {
    checkMountPoint(root, path)
    for (const one of makeFolders(root, path).made) grown.push({ path: one, mtime: 0 })
  }
  for (const path of folders) {
    if (isInside(path)) continue
    const before = made.length
    // Some runtimes give a tmpfs the mode of what it is mounted on: a new one is for everybody
    const real = folder(path)
    if (made.length > before && inMemory.includes(path)) chmodSync(real, 0o1777)
  }
  for (const path of [
    ...under.filter((one) => !isBelow(one, MOUNT_POINTS)),
    ...files.filter((one) => !isInside(one)),
  ]) {
    const real = resolveInRoot(root, path)
    if (lstatIfPresent(real)) continue
    const parent = folder(dirname(real).slice(root.length))
    grown.push({ path: parent, mtime: lstatIfPresent(parent)!.mtimeMs / 1000 })
    writeFileSync(real, '', { flag: 'wx' })
    chmodSync(real, 0o644) // whatever the umask is
    made.push(real)
  }
  return { made, grown }
}

/**
 * Runtimes mount inside of the image what they are told to, but some write into /dev by its path from outside: a
 * symbolic link of the image would lead them anywhere on the machine.
 */
function checkMountPoint(root: string, path: string): void {
  const found = lstatIfPresent(join(root, path))
  if (!found || found.isDirectory()) return
  throw new XbuildError('BAD_IMAGE', `Cannot run in this image: its ${path} is not a folder`, {
    hint: 'Put a folder there in an earlier step, or remove it',
  })
}

/**
 * Takes the mount points out again, unless the command put something there. What the command left decides where each
 * path leads now: every part of it is resolved again inside `root`.
 */
export function removeMountPoints(root: string, { made, grown }: MountPoints): void {
  for (const path of made.toReversed()) {
    const real = realAgain(root, path)
    if (real !== undefined && real !== root) removeEmpty(root, real)
  }
  for (const { path, mtime } of grown.toReversed()) setFolderTime(root, path, mtime)
}

/** Where a path leads after a step; nothing for links that go round in circles. */
function realAgain(root: string, path: string): string | undefined {
  try {
    return resolveInRoot(root, relative(root, path))
  } catch (error) {
    if (error instanceof XbuildError) return undefined
    throw error
  }
}

/** `real` may be another place than the one that was made: its folder keeps its time. */
function removeEmpty(root: string, real: string): void {
  const found = lstatIfPresent(real)
  const folder = dirname(real)
  const mtime = lstatIfPresent(folder)?.mtimeMs
  if (!found || mtime === undefined) return
  if (found.isDirectory() ? readdirSync(real).length > 0 : found.size > 0) return
  if (found.isDirectory()) rmdirSync(real)
  else unlinkSync(real)
  setFolderTime(root, folder, mtime / 1000)
}
