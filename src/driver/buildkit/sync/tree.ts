import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
  type BigIntStats,
} from 'node:fs'
import { join } from 'node:path'
import { XbuildError } from '../../../errors.ts'
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
      throw new XbuildError('NOT_FOUND', `Cannot send the folder "${root}": it is not there`, {
        hint: 'Name a folder that exists',
      })
    yield* walk('', [])
    function* walk(folder: string, pending: TreeEntry[]): Iterable<TreeEntry> {
      for (const name of namesIn(join(root, folder))) {
        const path = folder === '' ? name : `${folder}/${name}`
        const stat = lstatSync(`${root}/${path}`, BIG)
        const mode = Number(stat?.mode ?? 0)
        const type = mode & constants.S_IFMT
        if (!stat || type === constants.S_IFSOCK) continue // Go leaves sockets out as well
        const takes = filter.takes(path)
        if (type !== constants.S_IFDIR) {
          if (!takes) continue
          if (pending.length > 0) yield* pending.splice(0)
          yield fileEntry(path, stat, mode)
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
      bits: number,
    ): TreeEntry {
      const mode = toGoMode(bits)
      const type = bits & constants.S_IFMT
      if (type === constants.S_IFLNK)
        return { path, mode, size, modified, changed, linkname: readlinkSync(`${root}/${path}`), isFile: false }
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

  return {
    entries,
    follow,
    folder: root,
    open(path) {
      try {
        const file = openSync(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
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
          { cause, hint: 'Let it be read, or leave it out with .dockerignore' },
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

function namesIn(folder: string): string[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    throw new XbuildError(
      'NOT_FOUND',
      `Cannot read the folder "${folder}": ${code === 'EACCES' ? 'permission denied' : message}`,
      { cause, hint: 'Let it be read, or leave it out with .dockerignore' },
    )
  }
  const odd = names.find((name) => name.includes('\ufffd'))
  if (odd !== undefined) {
    throw new XbuildError(
      'UNSUPPORTED',
      `Cannot send "${join(folder, odd)}": its name is not UTF-8, which BuildKit does not take`,
      { hint: 'Rename it, or leave it out with .dockerignore' },
    )
  }
  // The order of UTF-16 is that of the bytes but where surrogates come in
  return names.some((name) => /[\ud800-\udfff]/.test(name))
    ? names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    : names.sort()
}
