import { basename, dirname, join } from 'node:path'
import { assertNever, XbuildError } from '../../errors.ts'
import {
  chmodSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  utimesSync,
} from '../../host/byte-files.ts'
import { shownName } from '../../oci/tar-decode.ts'
import type { TarEntry } from '../../oci/tar-format.ts'
import type { TarSink } from '../../oci/tar-reader.ts'
import { makeFolders, resolveInRoot } from '../../content/in-root.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import { removeTree } from '../../host/remove-tree.ts'
import { createDeferred, type PendingNode } from './unpack-deferred.ts'
import { LIMITS, tooMuch, type UnpackLimits } from './unpack-limits.ts'
import { fileTime } from './file-time.ts'
import { leadsOut } from './leads-out.ts'
import { createFileWriter } from './unpack-file.ts'
import { unpackFailure } from './unpack-failure.ts'
import { whiteoutOf } from './whiteouts.ts'

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

/** Paths of folders that are remembered: a hostile archive names one in many ways. */
const MOST_FOLDERS = 20_000

/**
 * Unpacks into the folder `root`: its symlinks, and those of the archive, are followed as a process chrooted to it
 * would.
 */
export function createUnpacker(root: string, { into, upper, owner, limits = LIMITS }: UnpackOptions = {}): Unpacker {
  const folders = new Map<string, string>()
  const deferred = createDeferred(root, upper, limits)
  const file = createFileWriter()
  let entries = 0

  const idsOf = (entry: TarEntry) => owner ?? entry
  const ids = (entry: TarEntry) => ({ uid: idsOf(entry).uid, gid: idsOf(entry).gid })
  const base = into === undefined ? root : makeFolders(root, into).path

  function folderFor(path: string, entry: TarEntry): string {
    const known = folders.get(path)
    if (known !== undefined) return known
    // From the top, a folder of a deep tree would cost as much as all above it
    const above = folders.get(dirname(path))
    const [rest, from] = above === undefined ? [path, base] : [basename(path), above]
    stayInside(rest, entry, from)
    const { path: real, made, grown } = makeFolders(base, rest, { from, plain: true })
    // Folders that the archive does not mention keep their times, or get one that is the same in every build.
    const kept = grown ?? { path: real, mtime: lstatIfPresent(real)!.mtimeMs / 1000 }
    if (!deferred.hasTime(kept.path)) deferred.setTime(kept.path, kept.mtime)
    for (const folder of made) deferred.setTime(folder, entry.mtime)
    if (folders.size >= MOST_FOLDERS) folders.clear()
    folders.set(path, real)
    return real
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
    if (whiteout) deferred.hide(folder, whiteout.kind === 'opaque' ? undefined : whiteout.name)
    else replace(join(folder, name), entry)
  }

  function replace(target: string, entry: TarEntry): void {
    const source = entry.type === 'hardlink' ? linkSource(entry) : undefined
    if (source === target) return
    const there = lstatIfPresent(target)
    const stays = there?.isDirectory() === true && entry.type === 'dir'
    if (there && !stays) {
      // Folders seen so far may lie below, or lead through, what goes away now.
      if (there.isDirectory() || there.isSymbolicLink()) folders.clear()
      if (there.isDirectory()) deferred.folderReplaced()
      removeTree(target)
    }
    const node = source === undefined ? undefined : deferred.node(source)
    deferred.forget(target)
    if (node) return linkNode(source!, target, { node, entry })
    if (source !== undefined) return link(source, target, entry)
    if (!stays) make(target, entry)
    if (entry.type === 'dir') setFolder(target, entry)
    if (entry.xattrs && (entry.type === 'file' || entry.type === 'dir')) deferred.setXattrs(target, entry.xattrs)
  }

  function make(target: string, entry: TarEntry): void {
    const { uid, gid } = idsOf(entry)
    switch (entry.type) {
      case 'dir':
        return mkdirSync(target)
      case 'file':
        return file.open(target, { ...entry, uid, gid })
      case 'symlink':
        symlinkSync(entry.link ?? '', target)
        lchownSync(target, uid, gid)
        return lutimesSync(target, fileTime(entry.mtime), fileTime(entry.mtime))
      case 'char':
      case 'block':
      case 'fifo':
        return deferred.makeNode(target, { entry: { ...entry, uid, gid } })
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
    deferred.makeNode(source, linked)
    deferred.makeNode(target, { ...linked, linkTo: source })
  }

  function linkSource(entry: TarEntry): string {
    const link = cleanPath(entry.link ?? '')
    stayInside(dirname(link), entry)
    const source = join(resolveInRoot(base, dirname(link)), basename(link))
    const found = lstatIfPresent(source)
    if (deferred.node(source) && !found) return source
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
    deferred.setTime(target, entry.mtime)
  }

  function entry(tar: TarEntry): void {
    entries += 1
    if (entries > limits.entries) throw tooMuch(`${limits.entries} entries`)
    try {
      place(tar)
    } catch (error) {
      throw unpackFailure(error, tar)
    }
  }

  const { data, hole, end, close } = file
  return { sink: { entry, data, hole, end }, finish: deferred.finish, close }
}

/** A tar name as a relative path: `a/../b` is `b`, as with BuildKit, and a `..` that leads out is refused. */
function cleanPath(path: string): string {
  const parts: string[] = []
  let leads = path.includes('\0')
  for (const part of path.split('/')) {
    if (part === '..') leads = parts.pop() === undefined || leads
    else if (part !== '' && part !== '.') parts.push(part)
  }
  if (leads) {
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
