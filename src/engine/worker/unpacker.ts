import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { assertNever, XbuildError } from '../../errors.ts'
import { shownName } from '../../oci/tar-decode.ts'
import type { TarEntry } from '../../oci/tar-format.ts'
import type { TarSink } from '../../oci/tar-reader.ts'
import { isReal, makeFolders, resolveInRoot } from '../../content/in-root.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import { fileTime } from './file-time.ts'
import { leadsOut } from './leads-out.ts'
import { makeNode } from './make-node.ts'
import { unpackFailure } from './unpack-failure.ts'
import { hide, hideChildren, whiteoutOf } from './whiteouts.ts'
import { writeXattrs } from './xattrs.ts'

/** Turns tar entries into files below a folder, and never anywhere else. */
export interface Unpacker {
  readonly sink: TarSink
  /** Carries out what must come last: whiteouts, devices, attributes, times of folders. */
  finish(): Promise<void>
  /** Closes the file that is being written, if any; to be called whatever happened. */
  close(): void
}

export interface UnpackOptions {
  /**
   * The archive is not a layer but ADD's: names, and its absolute links, begin at this real path inside the root, and
   * none is a whiteout.
   */
  readonly into?: string
  /** The folder of an overlay that shows what this layer brought itself; without it there is nothing below to hide. */
  readonly upper?: string
  /** Everything belongs to this one; absent: to whom the archive says. */
  readonly owner?: { readonly uid: number; readonly gid: number }
  /** What one archive may have of entries, and of bytes of extended attributes; the default is far above what is. */
  readonly limits?: UnpackLimits
}

interface UnpackLimits {
  readonly entries: number
  readonly xattrBytes: number
  /** Of memory, for what waits until the end: folders, removed files, pipes, devices, files with attributes. */
  readonly keptBytes: number
}

/** Attributes are held in memory until the end. */
const LIMITS: UnpackLimits = { entries: 10_000_000, xattrBytes: 64 << 20, keptBytes: 512 << 20 }

/** What one thing takes that waits, beside its path. Bytes. */
const KEPT = 200
/** Paths of folders that are remembered: a hostile archive names one in many ways. */
const MOST_FOLDERS = 20_000

const ROOT = { uid: 0, gid: 0 }

/** A pipe or device to be made, or to be linked to the one at `linkTo`. */
interface PendingNode {
  readonly entry: TarEntry
  readonly linkTo?: string
}

/**
 * Unpacks into the folder `root`: its symlinks, and those of the archive, are followed as a process chrooted to it
 * would.
 */
export function createUnpacker(root: string, { into, upper, owner, limits = LIMITS }: UnpackOptions = {}): Unpacker {
  const folders = new Map<string, string>()
  const folderTimes = new Map<string, number>()
  const whiteouts: { folder: string; name: string | undefined }[] = []
  const nodes = new Map<string, PendingNode>()
  const xattrs = new Map<string, ReadonlyMap<string, Buffer>>()
  /** A folder went away: paths that wait for the end may lead through what came in its place. */
  let replaced = false
  const seen = { entries: 0, xattrBytes: 0, keptBytes: 0 }
  let open: { readonly fd: number; readonly entry: TarEntry } | undefined

  const idsOf = (entry: TarEntry) => owner ?? entry
  const ids = (entry: TarEntry) => ({ uid: idsOf(entry).uid, gid: idsOf(entry).gid })
  const base = into === undefined ? root : makeFolders(root, into, ROOT).path

  function folderFor(path: string, entry: TarEntry): string {
    const known = folders.get(path)
    if (known !== undefined) return known
    // From the top, a folder of a deep tree would cost as much as all above it
    const above = folders.get(dirname(path))
    const [rest, from] = above === undefined ? [path, base] : [basename(path), above]
    stayInside(rest, entry, from)
    const { path: real, made, grown } = makeFolders(base, rest, { ...ROOT, from })
    // Folders that the archive does not mention keep their times, or get one that is the same in every build.
    const kept = grown ?? { path: real, mtime: lstatIfPresent(real)!.mtimeMs / 1000 }
    if (!folderTimes.has(kept.path)) setFolderTime(kept.path, kept.mtime)
    for (const folder of made) setFolderTime(folder, entry.mtime)
    if (folders.size >= MOST_FOLDERS) folders.clear()
    folders.set(path, real)
    return real
  }

  function setFolderTime(path: string, mtime: number): void {
    if (!folderTimes.has(path)) keep(path)
    folderTimes.set(path, mtime)
  }

  /** Counts one more thing that waits until the end. */
  function keep(path: string): void {
    seen.keptBytes += KEPT + path.length
    if (seen.keptBytes > limits.keptBytes)
      throw tooMuch(`${limits.keptBytes} bytes of folders, removed files, devices and names of files with attributes`)
  }

  /** The links of a layer end at its root, those of ADD's archive must not climb out of the destination. */
  function stayInside(path: string, entry: TarEntry, from: string = base): void {
    if (into === undefined || !leadsOut(base, path, from)) return
    throw new XbuildError(
      'OUTSIDE_CONTEXT',
      `Cannot unpack "${shownName(entry.path)}": a link in its path points outside of the destination`,
      { hint: 'The archive is damaged or malicious' },
    )
  }

  function place(entry: TarEntry): void {
    const path = cleanPath(entry.path)
    if (path === '') {
      // Of ADD's archive BuildKit leaves it out, too
      if (entry.type !== 'dir' && into === undefined)
        throw new XbuildError('BAD_IMAGE', 'Cannot unpack an archive: a file has no name', {
          hint: 'The archive is damaged',
        })
      if (into === undefined) setFolder(root, entry)
      return
    }
    const parent = dirname(path) === '.' ? '' : dirname(path)
    const name = basename(path)
    const whiteout = whiteoutOf(name)
    if (whiteout && into !== undefined) {
      throw new XbuildError(
        'UNSUPPORTED',
        `Cannot unpack "${shownName(path)}": layers use this name to mark removed files`,
        {
          hint: 'Create the archive without it',
        },
      )
    }
    if (whiteout?.kind === 'ignored') return
    const folder = folderFor(parent, entry)
    if (whiteout) {
      keep(path)
      whiteouts.push({ folder, name: whiteout.kind === 'opaque' ? undefined : whiteout.name })
    } else replace(join(folder, name), entry)
  }

  function replace(target: string, entry: TarEntry): void {
    const source = entry.type === 'hardlink' ? linkSource(entry) : undefined
    if (source === target) return
    const there = lstatIfPresent(target)
    const stays = there?.isDirectory() === true && entry.type === 'dir'
    if (there && !stays) {
      // Folders seen so far may lie below, or lead through, what goes away now.
      if (there.isDirectory() || there.isSymbolicLink()) folders.clear()
      if (there.isDirectory()) replaced = true
      rmSync(target, { recursive: true, force: true })
    }
    const node = source === undefined ? undefined : nodes.get(source)
    nodes.delete(target)
    xattrs.delete(target)
    if (node) return linkNode(source!, target, { node, entry })
    if (source !== undefined) return link(source, target, entry)
    if (!stays) make(target, entry)
    if (entry.type === 'dir') setFolder(target, entry)
    if (entry.xattrs && (entry.type === 'file' || entry.type === 'dir')) keepXattrs(target, entry.xattrs)
  }

  function make(target: string, entry: TarEntry): void {
    const { uid, gid } = idsOf(entry)
    switch (entry.type) {
      case 'dir':
        return mkdirSync(target)
      case 'file':
        open = {
          fd: openSync(target, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600),
          entry,
        }
        return
      case 'symlink':
        symlinkSync(entry.link ?? '', target)
        lchownSync(target, uid, gid)
        return lutimesSync(target, fileTime(entry.mtime), fileTime(entry.mtime))
      case 'char':
      case 'block':
      case 'fifo':
        keep(target)
        return void nodes.set(target, { entry: { ...entry, uid, gid } })
      case 'other':
        throw new XbuildError('UNSUPPORTED', `Cannot unpack "${shownName(entry.path)}": unsupported type of entry`, {
          hint: 'Create the archive without it',
        })
      case 'hardlink':
        return
      default:
        assertNever(entry.type)
    }
  }

  /** What ADD's archive says of a further name is true of the file: its owner, mode and time, as with BuildKit. */
  function link(source: string, target: string, entry: TarEntry): void {
    linkSync(source, target)
    if (into === undefined) return
    const { uid, gid } = idsOf(entry)
    lchownSync(target, uid, gid)
    if (!lstatIfPresent(target)?.isFile()) return
    chmodSync(target, entry.mode)
    utimesSync(target, fileTime(entry.mtime), fileTime(entry.mtime))
  }

  function linkNode(source: string, target: string, { node, entry }: { node: PendingNode; entry: TarEntry }): void {
    const { mode, mtime } = entry
    const linked = { ...node, entry: { ...node.entry, ...(into === undefined ? {} : { mode, mtime, ...ids(entry) }) } }
    keep(target)
    nodes.set(source, linked)
    nodes.set(target, { ...linked, linkTo: source })
  }

  function linkSource(entry: TarEntry): string {
    const link = cleanPath(entry.link ?? '')
    stayInside(dirname(link), entry)
    const source = join(resolveInRoot(base, dirname(link)), basename(link))
    const found = lstatIfPresent(source)
    if (nodes.has(source) && !found) return source
    if (!found || found.isDirectory()) {
      throw new XbuildError(
        'BAD_IMAGE',
        `Cannot unpack "${shownName(entry.path)}": it is a link to "${shownName(link)}", which is ${found ? 'a folder' : 'missing'}`,
        {
          hint: 'The archive is damaged or malicious',
        },
      )
    }
    return source
  }

  function setFolder(target: string, entry: TarEntry): void {
    const { uid, gid } = idsOf(entry)
    lchownSync(target, uid, gid)
    chmodSync(target, entry.mode)
    setFolderTime(target, entry.mtime)
  }

  function keepXattrs(target: string, all: ReadonlyMap<string, Buffer>): void {
    const kept = [...all].filter(
      ([name]) => name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.')),
    )
    for (const [name, value] of kept) seen.xattrBytes += name.length + value.length
    if (seen.xattrBytes > limits.xattrBytes) throw tooMuch(`${limits.xattrBytes} bytes of extended attributes`)
    if (kept.length === 0) return
    keep(target)
    xattrs.set(target, new Map(kept))
  }

  function data(chunk: Buffer): void {
    if (open) for (let at = 0; at < chunk.length; ) at += writeSync(open.fd, chunk, at)
  }

  function end(): void {
    if (!open) return
    const { fd, entry } = open
    const { uid, gid } = idsOf(entry)
    try {
      fchownSync(fd, uid, gid)
      fchmodSync(fd, entry.mode) // after the owner: changing that clears setuid
      futimesSync(fd, fileTime(entry.mtime), fileTime(entry.mtime))
    } catch (error) {
      throw unpackFailure(error, entry)
    } finally {
      close()
    }
  }

  function close(): void {
    if (open) closeSync(open.fd)
    open = undefined
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

  function entry(tar: TarEntry): void {
    seen.entries += 1
    if (seen.entries > limits.entries) throw tooMuch(`${limits.entries} entries`)
    try {
      place(tar)
    } catch (error) {
      throw unpackFailure(error, tar)
    }
  }

  return { sink: { entry, data, end }, finish, close }
}

function tooMuch(most: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot unpack an archive: it has more than ${most}`, {
    hint: 'The archive is damaged or malicious',
  })
}

/** A tar name as a relative path; `..` is refused. */
function cleanPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..') || path.includes('\0')) {
    throw new XbuildError(
      'OUTSIDE_CONTEXT',
      `Cannot unpack "${shownName(path)}": its path points outside of the destination`,
      {
        hint: 'The archive is damaged or malicious',
      },
    )
  }
  return parts.join('/')
}
