import { chmodSync, rmdirSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolders, resolveInRoot, type MadeFolders } from '../in-root.ts'
import { look } from '../look.ts'
import { MOUNT_POINTS } from './bundle.ts'
import { fileTime } from './file-time.ts'

/** What a container's mounts needed in an image that did not have it. */
export interface MountPoints {
  /** Parents first. */
  readonly made: readonly { readonly path: string; readonly isFolder: boolean }[]
  /** Folders of the image that got one of them, with the time they had. */
  readonly grown: readonly NonNullable<MadeFolders['grown']>[]
}

/** Makes what the container's mounts, and files and folders that others are mounted over, need in the image. */
export function makeMountPoints(
  root: string,
  { files, folders = [] }: { files: readonly string[]; folders?: readonly string[] },
): MountPoints {
  const made: { path: string; isFolder: boolean }[] = []
  const grown: NonNullable<MadeFolders['grown']>[] = []
  const folder = (path: string): string => {
    const result = makeFolders(root, path, { uid: 0, gid: 0 })
    made.push(...result.made.map((one) => ({ path: one, isFolder: true })))
    if (result.grown) grown.push(result.grown)
    return result.path
  }
  // What lies inside another mount is not seen in the image
  const isInside = (path: string) => folders.some((other) => path.startsWith(`${other}/`))
  // These stay in the image, as BuildKit leaves them: without them its containers could not have a read-only root
  for (const path of MOUNT_POINTS) {
    for (const one of makeFolders(root, path, { uid: 0, gid: 0 }).made) grown.push({ path: one, mtime: 0 })
  }
  for (const path of folders) {
    if (isInside(path)) continue
    const before = made.length
    // Some runtimes give a tmpfs the mode of what it is mounted on: a new one is for everybody
    const real = folder(path)
    if (made.length > before) chmodSync(real, 0o1777)
  }
  for (const path of files) {
    if (isInside(path)) continue
    const real = resolveInRoot(root, path)
    if (look(real)) continue
    const parent = folder(dirname(real).slice(root.length))
    grown.push({ path: parent, mtime: look(parent)!.mtimeMs / 1000 })
    writeFileSync(real, '')
    chmodSync(real, 0o644)
    made.push({ path: real, isFolder: false })
  }
  return { made, grown }
}

/** Takes the mount points out again, unless the command put something there. */
export function removeMountPoints({ made, grown }: MountPoints): void {
  for (const { path, isFolder } of made.toReversed()) {
    ifThere(() => (isFolder ? rmdirSync(path) : look(path)?.size === 0 && unlinkSync(path)))
  }
  for (const { path, mtime } of grown.toReversed()) ifThere(() => utimesSync(path, fileTime(mtime), fileTime(mtime)))
}

/** What the command used or removed belongs to the layer as it is. */
function ifThere(change: () => unknown): void {
  try {
    change()
  } catch (error) {
    if (!EXPECTED.has((error as NodeJS.ErrnoException).code)) throw error
  }
}

const EXPECTED: ReadonlySet<string | undefined> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ENOTEMPTY',
  'EEXIST',
  'EISDIR',
  'EPERM',
])
