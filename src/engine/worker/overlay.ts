import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import { ownerOf } from '../owners.ts'
import { XbuildError } from '../../errors.ts'
import { removeTree } from '../../host/remove-tree.ts'
import { runProgram } from '../../host/spawn.ts'
import { mountsBelow, unmountBelow } from './unmount.ts'

/** Where the worker keeps things: the folders of the store it was started for. */
export interface WorkerFolders {
  readonly snapshots: string
  readonly tmp: string
  readonly blobs: string
  readonly ingest: string
  /** Mark of the process that the worker belongs to. */
  readonly owner: string
}

/** An overlay mount that is being written: `merged` is what programs see, `upper` what they changed. */
export interface Overlay {
  readonly merged: string
  readonly upper: string
  /** A folder of this operation, removed with it. */
  readonly scratch: string
}

/** Gives `use` a fresh folder of this worker's own, and removes it whatever happens. */
export async function withScratch<T>(folders: WorkerFolders, use: (scratch: string) => Promise<T>): Promise<T> {
  // At random: the workers of one process have one owner, and each may be process 1 of its namespace
  const scratch = join(folders.tmp, `${folders.owner}-${randomBytes(8).toString('hex')}`)
  mkdirSync(scratch, { mode: 0o700 }) // never one that is there
  try {
    return await use(scratch)
  } finally {
    // What stays mounted keeps its folder: the next process removes it, when the mounts have gone with this one
    if (await unmountBelow(scratch)) removeTree(scratch)
  }
}

/**
 * Mounts `lowers` with an empty upper folder, lets `change` work in it, and keeps the upper folder as snapshot `id`.
 */
export async function makeSnapshot<T>(
  folders: WorkerFolders,
  { id, lowers }: { id: string; lowers: readonly string[] },
  change: (overlay: Overlay) => Promise<T>,
): Promise<T> {
  return withScratch(folders, async (scratch) => {
    const upper = join(scratch, 'fs')
    mkdirSync(upper)
    copyRootAttributes(folders, lowers, upper)
    const result =
      lowers.length === 0
        ? await change({ merged: upper, upper, scratch })
        : await withMount(folders, { lowers, upper, scratch }, (merged) => change({ merged, upper, scratch }))
    keepAs(upper, join(folders.snapshots, id))
    return result
  })
}

/** Gives a finished folder its name. When another process was faster, its folder holds the same. */
function keepAs(upper: string, target: string): void {
  try {
    renameSync(upper, target)
  } catch (error) {
    if (!existsSync(target)) throw error
  }
}

/** Mounts `lowers` for reading; a single one needs no mount. */
export async function withTree<T>(
  folders: WorkerFolders,
  lowers: readonly string[],
  use: (root: string) => Promise<T>,
): Promise<T> {
  if (lowers.length === 1) return use(join(folders.snapshots, lowers[0]!))
  return withScratch(folders, async (scratch) => {
    if (lowers.length > 0) return withMount(folders, { lowers, scratch }, use)
    const empty = join(scratch, 'fs')
    mkdirSync(empty)
    chmodSync(empty, 0o755) // a step of any user may be shown it
    return use(empty)
  })
}

/** Mounts `lowers` for reading and writing; what is written is thrown away. */
export async function withDraft<T>(
  folders: WorkerFolders,
  lowers: readonly string[],
  use: (root: string) => Promise<T>,
): Promise<T> {
  return withScratch(folders, async (scratch) => {
    const upper = join(scratch, 'fs')
    mkdirSync(upper)
    copyRootAttributes(folders, lowers, upper)
    return lowers.length === 0 ? use(upper) : withMount(folders, { lowers, upper, scratch }, use)
  })
}

async function withMount<T>(
  folders: WorkerFolders,
  { lowers, upper, scratch }: { lowers: readonly string[]; upper?: string; scratch: string },
  use: (merged: string) => Promise<T>,
): Promise<T> {
  const merged = join(scratch, 'merged')
  const work = join(scratch, 'work')
  mkdirSync(merged)
  if (upper) mkdirSync(work)
  const links = linkFolder(folders)
  const options = [
    `lowerdir=${linkLowers(folders, lowers).reverse().join(':')}`,
    // Of a snapshot that a power cut took part of, nothing is used: each sync of a step, and each end of a mount, would
    // write out the whole disk
    ...(upper ? [`upperdir=${upper}`, `workdir=${work}`, 'volatile'] : []),
    // With `userxattr` the kernel keeps uppers plain (no redirects), so that a layer can be read from them, as root
    // and rootless.
    'userxattr',
    'metacopy=off',
    'index=off',
    'xino=off',
  ]
  try {
    await runProgram('mount', ['-t', 'overlay', 'overlay', '-o', options.join(','), merged], {
      cwd: links,
      env: { ...process.env, LIBMOUNT_FORCE_MOUNT2: 'always' }, // the newer call limits an option to 256 bytes
    })
  } catch (cause) {
    throw new XbuildError('HOST', `Cannot mount an overlay file system in "${folders.tmp}"`, {
      cause,
      output: cause instanceof XbuildError ? (cause.output ?? []) : [],
      hint: 'The store must lie on a file system that overlayfs can use (ext4, xfs, btrfs, tmpfs, not overlay itself): name another folder with XBUILD_HOME',
    })
  }
  try {
    return await use(merged)
  } finally {
    await runProgram('umount', [merged]).catch(() => runProgram('umount', ['--lazy', merged]))
  }
}

/** By the folder of links, the names of snapshots in it. */
const linked = new Map<string, Map<string, string>>()

/** The workers of a build have the same owner, and the same number in namespaces of their own. */
const LINKS = `links-${randomBytes(6).toString('hex')}`

function linkFolder(folders: WorkerFolders): string {
  return join(folders.tmp, `${folders.owner}-${LINKS}`)
}

/**
 * Short names for lower folders, as symlinks: the kernel takes one page of options, for 500 folders. Each is made once:
 * ext4 makes no file for a while where one was removed, and would look at thousands of such places for each new one.
 */
function linkLowers(folders: WorkerFolders, lowers: readonly string[]): string[] {
  const folder = linkFolder(folders)
  const names = linked.get(folder) ?? new Map<string, string>()
  if (names.size === 0) mkdirSync(folder, { recursive: true })
  linked.set(folder, names)
  return lowers.map((id) => {
    const known = names.get(id)
    if (known !== undefined) return known
    const name = names.size.toString(36)
    symlinkSync(join(folders.snapshots, id), join(folder, name))
    names.set(id, name)
    return name
  })
}

/** Removes what mounts of this process needed beside their own folders. */
export function removeLinks(folders: WorkerFolders): void {
  if (linked.delete(linkFolder(folders))) removeTree(linkFolder(folders))
}

/** Makes one snapshot of several that lie on each other. */
export async function flatten(
  folders: WorkerFolders,
  { id, lowers }: { id: string; lowers: readonly string[] },
): Promise<Record<string, never>> {
  return withTree(folders, lowers, (root) =>
    makeSnapshot(folders, { id, lowers: [] }, async ({ upper }) => {
      await runProgram('cp', ['--archive', '--no-target-directory', '--', root, upper])
      return {}
    }),
  )
}

/** The root folder of an overlay shows the upper folder's attributes: it must start with those of what lies below. */
function copyRootAttributes(folders: WorkerFolders, lowers: readonly string[], upper: string): void {
  const top = lowers.at(-1)
  if (top === undefined) return chmodSync(upper, 0o755)
  const from = lstatSync(join(folders.snapshots, top))
  lchownSync(upper, from.uid, from.gid)
  chmodSync(upper, from.mode & 0o7777)
  utimesSync(upper, from.atime, from.mtime)
}

/** Removes what operations of dead processes left in the store. */
export function removeLeftovers(folders: WorkerFolders, dead: ReadonlySet<string>): void {
  for (const name of readdirSync(folders.tmp)) {
    if (!dead.has(ownerOf(name))) continue
    try {
      const left = join(folders.tmp, name)
      if (mountsBelow(left).length === 0) removeTree(left)
    } catch {
      // another worker is at it, or the next one will be
    }
  }
}

/** Whether a step left nothing in its upper folder. */
export function isEmpty(upper: string): boolean {
  return readdirSync(upper).length === 0
}
