import { closeSync, constants, fstatSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { XbuildError } from '../../errors.ts'
import {
  chmodSync,
  copyFile,
  copyFileSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from '../../host/byte-files.ts'
import { openInside, throughHandle } from '../../host/open-inside.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import type { SourceEntry } from '../../content/select.ts'
import { fileTime } from './file-time.ts'
import type { FolderTimes } from './folder-times.ts'
import { deviceNumbers, makeNode } from './make-node.ts'

/** Files above this are copied without holding up the worker's other steps. Bytes. */
const BIG = 4 << 20

export interface PlaceOptions {
  readonly times: FolderTimes
  /** To whom a copy belongs. */
  readonly idsOf: (entry: SourceEntry) => { readonly uid: number; readonly gid: number }
  /** The mode it gets. */
  readonly modeOf: (entry: SourceEntry) => number
  /** Compare each file with its entry after copying. */
  readonly checked: boolean
  /** Told of every file whose content is known, where it went. */
  readonly onDigest: (path: string, digest: string) => void
  readonly signal: AbortSignal
}

/**
 * Copies one object, replacing a file by a file; several names of one file stay one within a source. Throws NOT_FOUND
 * for what cannot be copied.
 */
export interface Placer {
  place(from: string, to: string, entry: SourceEntry): Promise<void>
  /** What follows is of another source. */
  startSource(): void
}

export function createPlacer(options: PlaceOptions): Placer {
  const { times, signal } = options
  const copied = new Map<number, string>() // inode of a source with several names -> first copy
  let count = 0

  async function place(from: string, to: string, entry: SourceEntry): Promise<void> {
    count += 1
    if (count % 256 === 0) {
      signal.throwIfAborted()
      await breathe() // other steps run in this process too
    }
    const seconds = entry.mtimeMs / 1000
    const time = fileTime(seconds)
    times.saw(seconds)
    times.keep(dirname(to))
    const there = lstatIfPresent(to)
    if (entry.type === 'dir') {
      if (there && !there.isDirectory()) throw refused(from, to, 'a folder cannot replace what is not a folder')
      if (there && entry.onTheWay) {
        times.keep(to)
        return chmodSync(to, entry.mode)
      }
      if (!there) mkdirSync(to)
      times.made(to, seconds)
    } else {
      if (there) removeFile(from, to)
      if (await isLinked(from, to, entry)) return
    }
    const { uid, gid } = options.idsOf(entry)
    if (entry.type === 'fifo' || entry.type === 'char' || entry.type === 'block') {
      return makeNode(to, {
        path: to,
        type: entry.type,
        mode: options.modeOf(entry),
        uid,
        gid,
        size: 0,
        mtime: seconds,
        ...deviceNumbers(entry.rdev),
      })
    }
    lchownSync(to, uid, gid)
    if (entry.type === 'symlink') return lutimesSync(to, time, time)
    chmodSync(to, options.modeOf(entry))
    if (entry.type !== 'dir') utimesSync(to, time, time)
  }

  /** Makes the object at `to`; true when it is another name of one that is finished already. */
  async function isLinked(from: string, to: string, entry: SourceEntry): Promise<boolean> {
    switch (entry.type) {
      case 'symlink':
        symlinkSync(entry.link ?? '', to)
        return false
      case 'socket':
        writeFileSync(to, '')
        return false
      case 'file':
        break
      default:
        return false
    }
    const first = entry.nlink > 1 ? copied.get(entry.ino) : undefined
    if (first !== undefined) {
      linkSync(first, to)
      return true
    }
    if (entry.nlink > 1) copied.set(entry.ino, to)
    if (options.checked) await readUnchanged(from, entry, (pinned) => copyData(pinned, to, entry.size))
    else await copyData(from, to, entry.size)
    if (entry.digest) options.onDigest(to, entry.digest)
    return false
  }

  return { place, startSource: () => copied.clear() }
}

/** Makes room for a file: only another file may go. Throws NOT_FOUND for a folder. */
export function removeFile(from: string, to: string): void {
  if (lstatIfPresent(to)?.isDirectory()) throw refused(from, to, 'a file cannot replace a folder')
  rmSync(to, { force: true })
}

function refused(from: string, to: string, why: string): XbuildError {
  return new XbuildError('NOT_FOUND', `Cannot copy "${basename(from)}" to "${basename(to)}": ${why}`, {
    hint: 'Copy to another name, or remove what is there in an earlier RUN',
  })
}

async function copyData(from: string, to: string, size: number): Promise<void> {
  if (size > BIG) await copyFile(from, to, constants.COPYFILE_EXCL)
  else copyFileSync(from, to, constants.COPYFILE_EXCL)
}

/**
 * Gives `use` a path to a file that lies in the context, whatever comes into its place meanwhile. What is read must be
 * what the cache key was made from: throws CONTEXT_CHANGED before and after, when it is not.
 */
export async function readUnchanged<T>(
  from: string,
  entry: SourceEntry,
  use: (pinned: string) => Promise<T>,
): Promise<T> {
  const file = openUnchanged(from)
  const check = () => {
    const { size, mtimeMs, ctimeMs, ino } = fstatSync(file)
    const now = [size, mtimeMs, ctimeMs, ino].join()
    if (now !== [entry.size, entry.mtimeMs, entry.ctimeMs, entry.ino].join()) throw changed(from)
  }
  try {
    check() // it might be a pipe now, which never ends
    const result = await use(throughHandle(file))
    check()
    return result
  } finally {
    closeSync(file)
  }
}

function openUnchanged(from: string): number {
  try {
    return openInside(from)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') throw changed(from, cause)
    throw cause
  }
}

function changed(from: string, cause?: unknown): XbuildError {
  return new XbuildError('CONTEXT_CHANGED', `Cannot copy "${from}": the file changed while it was read`, {
    cause,
    hint: 'Build again when nothing writes into the context',
  })
}
