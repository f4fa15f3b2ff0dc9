import { dirname, join, relative } from 'node:path'
import { linkSync, utimesSync } from '../../host/byte-files.ts'
import { isReal } from '../../content/in-root.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import type { TarEntry } from '../../oci/tar-format.ts'
import { fileTime } from './file-time.ts'
import { makeNode } from './make-node.ts'
import { tooMuch, type UnpackLimits } from './unpack-limits.ts'
import { hide, hideChildren } from './whiteouts.ts'
import { writeXattrs } from './xattrs.ts'

/** What one thing takes that waits, beside its path. Bytes. */
const KEPT = 200

/** A pipe or device to be made, or to be linked to the one at `linkTo`. */
export interface PendingNode {
  readonly entry: TarEntry
  readonly linkTo?: string
}

/** What of an archive is carried out when all of it has been read: whiteouts, devices, attributes, times of folders. */
export interface Deferred {
  /** Whether a folder gets a time at the end. */
  hasTime(folder: string): boolean
  setTime(folder: string, mtime: number): void
  /** Hides what lies below this layer: a name of a folder, or all. */
  hide(folder: string, name: string | undefined): void
  /** The pipe or device that is to be made at a path. */
  node(path: string): PendingNode | undefined
  makeNode(path: string, node: PendingNode): void
  setXattrs(path: string, all: ReadonlyMap<string, Buffer>): void
  /** Something else comes to a path. */
  forget(path: string): void
  /** A folder went away: paths that wait may lead through what came in its place. */
  folderReplaced(): void
  finish(): Promise<void>
}

/** `upper`: the folder of an overlay that shows what a layer brought itself; without it there is nothing to hide. */
export function createDeferred(root: string, upper: string | undefined, limits: UnpackLimits): Deferred {
  const folderTimes = new Map<string, number>()
  const whiteouts: { folder: string; name: string | undefined }[] = []
  const nodes = new Map<string, PendingNode>()
  const xattrs = new Map<string, ReadonlyMap<string, Buffer>>()
  /** A folder went away: paths that wait for the end may lead through what came in its place. */
  let replaced = false
  const seen = { xattrBytes: 0, keptBytes: 0 }

  function setTime(path: string, mtime: number): void {
    if (!folderTimes.has(path)) keep(path)
    folderTimes.set(path, mtime)
  }

  /** Counts one more thing that waits until the end. */
  function keep(path: string): void {
    seen.keptBytes += KEPT + path.length
    if (seen.keptBytes > limits.keptBytes)
      throw tooMuch(`${limits.keptBytes} bytes of folders, removed files, devices and names of files with attributes`)
  }

  function setXattrs(target: string, all: ReadonlyMap<string, Buffer>): void {
    const kept = [...all].filter(
      ([name]) => name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.')),
    )
    for (const [name, value] of kept) seen.xattrBytes += name.length + value.length
    if (seen.xattrBytes > limits.xattrBytes) throw tooMuch(`${limits.xattrBytes} bytes of extended attributes`)
    if (kept.length === 0) return
    keep(target)
    xattrs.set(target, new Map(kept))
  }

  async function finish(): Promise<void> {
    const isThere = (path: string) => !replaced || isReal(root, path)
    for (const { folder, name } of upper === undefined ? [] : whiteouts) {
      if (!isThere(folder) || !lstatIfPresent(folder)?.isDirectory()) continue
      if (name === undefined) hideChildren(root, upper!, folder)
      else hide(root, upper!, join(folder, name))
    }
    for (const [path, { entry, linkTo }] of nodes) {
      if (!isThere(path) || !lstatIfPresent(dirname(path)) || lstatIfPresent(path)) continue
      if (linkTo !== undefined && isThere(linkTo) && lstatIfPresent(linkTo)) linkSync(linkTo, path)
      else await makeNode(path, entry)
    }
    await writeXattrs(
      root,
      new Map(
        [...xattrs]
          .filter(([path]) => isThere(path) && lstatIfPresent(path))
          .map(([path, values]) => [relative(root, path) || '.', values]),
      ),
    )
    for (const [path, mtime] of folderTimes)
      if (isThere(path) && lstatIfPresent(path)?.isDirectory()) utimesSync(path, fileTime(mtime), fileTime(mtime))
  }

  return {
    hasTime: (folder) => folderTimes.has(folder),
    setTime,
    hide(folder, name) {
      keep(join(folder, name ?? ''))
      whiteouts.push({ folder, name })
    },
    node: (path) => nodes.get(path),
    makeNode(path, node) {
      if (!nodes.has(path)) keep(path)
      nodes.set(path, node)
    },
    setXattrs,
    forget(path) {
      nodes.delete(path)
      xattrs.delete(path)
    },
    folderReplaced: () => void (replaced = true),
    finish,
  }
}
