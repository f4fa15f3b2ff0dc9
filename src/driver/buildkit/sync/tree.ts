import {
  closeSync,
  constants,
  lstatSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
  type BigIntStats,
} from 'node:fs'
import { join } from 'node:path'
import { XbuildError } from '../../../errors.ts'
import { insideFolder, MovedError, openInside } from '../../../host/open-inside.ts'
import type { TreeFilter } from './filter.ts'
import { toGoMode } from './mode.ts'

/**
 * Files to send, wherever they are. Everything is synchronous: for small files a system call is much cheaper than
 * waiting for one.
 */
export interface Tree {
  /** Parents before children, the names of a folder in the order of their bytes: what the receiver insists on. */
  entries(filter: TreeFilter): Iterable<TreeEntry>
  /** Throws CONTEXT_CHANGED or NOT_FOUND. */
  open(path: string): OpenFile
  /** Resolves links in paths that are wanted: patterns that hold each link on the way and what it leads to. */
  follow(paths: readonly string[]): readonly string[]
  /** The folder of this machine that it is. */
  readonly folder?: string
  /** Patterns of what nobody is sent. */
  readonly kept?: () => Promise<readonly string[]>
}

export interface TreeEntry {
  /** Relative to the tree, with `/`. */
  readonly path: string
  /** Of Go's os.FileMode. */
  readonly mode: number
  readonly size: bigint
  /** Nanoseconds since the epoch. */
  readonly modified: bigint
  /** Of the last change of anything of a file, its attributes too; nanoseconds since the epoch. */
  readonly changed: bigint
  /** What a symbolic link says; the path of an entry that came before and is the same file. */
  readonly linkname?: string
  /** Whether it has content that may be asked for. */
  readonly isFile: boolean
}

export interface OpenFile {
  /** Fills at most `length` bytes of `buffer` from `offset` on; 0 at the end. */
  read(buffer: Buffer, offset: number, length: number): number
  close(): void
}

/** A folder of this machine. Links are sent, not followed. */
export function folderTree(root: string, follow: Tree['follow']): Tree {
  function* entries(filter: TreeFilter): Iterable<TreeEntry> {
    /** The first path of each file that has several. */
    const seen = new Map<string, string>()
    if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
      throw new XbuildError('NOT_FOUND', `Cannot send the folder "${root}": no such folder`, {
        hint: 'Name a folder that exists',
      })
    yield* walk('', [])
    function* walk(folder: string, pending: TreeEntry[]): Iterable<TreeEntry> {
      for (const { path, stat, mode, type, linkname } of itemsIn(folder)) {
        const takes = filter.takes(path)
        if (type !== constants.S_IFDIR) {
          if (!takes) continue
          if (pending.length > 0) yield* pending.splice(0)
          yield fileEntry(path, stat, { mode, linkname })
          continue
        }
        const entry = {
          path,
          mode: toGoMode(mode),
          size: 0n,
          modified: stat.mtimeNs,
          changed: stat.ctimeNs,
          isFile: false,
        }
        if (takes) {
          yield* pending.splice(0)
          yield entry
        }
        // A folder that is not taken itself comes just before the first thing in it that is
        const above = takes ? pending : [...pending, entry]
        if (takes || filter.mayHold(path)) {
          const before = above.length
          yield* walk(path, above)
          if (!takes && above.length < before) pending.length = 0
        }
      }
    }
    function fileEntry(
      path: string,
      { mtimeNs: modified, ctimeNs: changed, size, nlink, dev, ino }: BigIntStats,
      { mode: bits, linkname }: { readonly mode: number; readonly linkname: string | undefined },
    ): TreeEntry {
      const mode = toGoMode(bits)
      const type = bits & constants.S_IFMT
      if (linkname !== undefined) return { path, mode, size, modified, changed, linkname, isFile: false }
      if (type !== constants.S_IFREG) return { path, mode, size: 0n, modified, changed, isFile: false }
      if (nlink > 1n) {
        const id = `${dev}:${ino}`
        const first = seen.get(id)
        if (first !== undefined) return { path, mode, size: 0n, modified, changed, linkname: first, isFile: true }
        seen.set(id, path)
      }
      return { path, mode, size, modified, changed, isFile: true }
    }
  }

  let real: string | undefined
  /** Of a path in the tree, whose folders nobody may exchange meanwhile. */
  const realPath = (path: string) => join((real ??= realpathSync(root)), path)

  function itemsIn(folder: string): Item[] {
    const shown = join(root, folder)
    return reading(shown, () => insideFolder(realPath(folder), (pinned) => listFolder(pinned, { folder, shown })))
  }

  return {
    entries,
    follow,
    folder: root,
    open(path) {
      try {
        const file = openInside(realPath(path))
        return {
          read: (buffer, offset, length) => readSync(file, buffer, offset, length, null),
          close: () => closeSync(file),
        }
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException
        if (code === 'ENOENT' || code === 'ELOOP') throw changed(path, cause)
        throw new XbuildError(
          'NOT_FOUND',
          `Cannot read "${path}" in the context: ${code === 'EACCES' ? 'permission denied' : message}`,
          { cause, hint: 'Make it readable, or exclude it in .dockerignore' },
        )
      }
    },
  }
}

/** A file is not what it was when the tree was listed. */
export function changed(path: string, cause?: unknown): XbuildError {
  return new XbuildError('CONTEXT_CHANGED', `Cannot send "${path}": it changed while the context was read`, {
    cause,
    hint: 'Build again when nothing writes to the context',
  })
}

const BIG = { bigint: true, throwIfNoEntry: false } as const

/** Files that exist only here, in the root of the tree; they are new each time. */
export function memoryTree(files: Readonly<Record<string, string>>): Tree {
  const contents = new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]))
  const modified = BigInt(Date.now()) * 1_000_000n
  return {
    follow: (paths) => paths,
    *entries(filter) {
      for (const path of [...contents.keys()].sort()) {
        if (filter.takes(path))
          yield {
            path,
            mode: 0o644,
            size: BigInt(contents.get(path)!.length),
            modified,
            changed: modified,
            isFile: true,
          }
      }
    },
    open(path) {
      const content = contents.get(path)!
      let at = 0
      return {
        read(buffer, offset, length) {
          const copied = content.copy(buffer, offset, at, at + length)
          at += copied
          return copied
        },
        close: () => {},
      }
    },
  }
}

/** What a folder holds, without sockets, which Go leaves out as well. */
interface Item {
  readonly path: string
  readonly stat: BigIntStats
  readonly mode: number
  readonly type: number
  readonly linkname: string | undefined
}

/** `pinned` is the folder to read, `folder` its path in the tree, `shown` how messages call it. */
function listFolder(pinned: string, { folder, shown }: { folder: string; shown: string }): Item[] {
  return namesIn(pinned, shown).flatMap((name) => {
    const stat = lstatSync(`${pinned}/${name}`, BIG)
    const mode = Number(stat?.mode ?? 0)
    const type = mode & constants.S_IFMT
    if (!stat || type === constants.S_IFSOCK) return []
    const linkname = type === constants.S_IFLNK ? readlinkSync(`${pinned}/${name}`) : undefined
    return [{ path: folder === '' ? name : `${folder}/${name}`, stat, mode, type, linkname }]
  })
}

/** A folder that is gone has nothing in it; one that was exchanged is not read. */
function reading(shown: string, read: () => Item[]): Item[] {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof XbuildError) throw cause
    if (cause instanceof MovedError) throw changed(shown, cause)
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    if (code === 'ENOTDIR' || code === 'ELOOP') throw changed(shown, cause)
    throw new XbuildError(
      'NOT_FOUND',
      `Cannot read the folder "${shown}": ${code === 'EACCES' ? 'permission denied' : message}`,
      { cause, hint: 'Make it readable, or exclude it in .dockerignore' },
    )
  }
}

function namesIn(folder: string, shown: string): string[] {
  const names = readdirSync(folder)
  const odd = names.find((name) => name.includes('\ufffd'))
  if (odd !== undefined) {
    throw new XbuildError(
      'UNSUPPORTED',
      `Cannot send "${join(shown, odd)}": its name is not UTF-8, which BuildKit does not accept`,
      { hint: 'Rename it, or exclude it in .dockerignore' },
    )
  }
  // The order of UTF-16 is that of the bytes but where surrogates come in
  return names.some((name) => /[\ud800-\udfff]/.test(name))
    ? names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    : names.sort()
}
