import { realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { XbuildError } from '../errors.ts'
import { shownName } from '../oci/tar-decode.ts'
import { readdirSync, readlinkSync } from '../host/byte-files.ts'
import { insideFolder, MovedError } from '../host/open-inside.ts'
import { compilePattern, hasWildcard } from '../dockerfile/pattern.ts'
import { onlyMatching, type Filter } from './filter.ts'
import { resolveInRoot } from './in-root.ts'
import { lstatIfPresent } from './lstat.ts'

export type EntryType = 'file' | 'dir' | 'symlink' | 'fifo' | 'char' | 'block' | 'socket'

/** One file system object below a source; times are milliseconds. */
export interface SourceEntry {
  /** Relative to the source; empty for the source itself. */
  readonly path: string
  readonly type: EntryType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly ino: number
  readonly nlink: number
  readonly rdev: number
  readonly link?: string
  /** A folder that comes only because something below it does: one that is there keeps its owner and time. */
  readonly onTheWay?: true
  /** Hex SHA-256 of a file's content, once somebody has read it. */
  digest?: string
}

/** One thing that a COPY source matched. */
export interface SelectedSource {
  /** Last part of the name it was matched by: what it is called in a folder. */
  readonly name: string
  /** Real path relative to the root it was selected in. */
  readonly path: string
  readonly isDir: boolean
  /** Itself first (path empty), then everything below it, parents before children, sorted by name. */
  readonly entries: readonly SourceEntry[]
}

const EVERYTHING: Filter = { ignored: () => false, prune: () => false, skips: () => false }

/**
 * What `sources` name inside `root`; symlinks on the way, and at the end, are followed within the root. A wildcard may
 * match nothing, a name must be there. Of `FOLDER/./PATTERN` the folder is selected, with what the pattern matches
 * below it alone.
 */
export function selectSources(
  folder: string,
  sources: readonly string[],
  filter: Filter = EVERYTHING,
): SelectedSource[] {
  const root = realpathSync(folder)
  return sources.flatMap((source) => {
    const pivot = source.indexOf('/./')
    const [path, pattern] = pivot === -1 ? [source, '.'] : [source.slice(0, pivot), source.slice(pivot + '/./'.length)]
    const own = pattern === '.' ? filter : onlyMatching(pattern, filter)
    const isPattern = hasWildcard(path)
    const found = (isPattern ? expand(root, path, own) : [path]).flatMap((match) => {
      const one = selectOne(root, match, own)
      if (one || !isPattern || lstatIfPresent(resolveInRoot(root, match))) return one ?? []
      throw new XbuildError('NOT_FOUND', `Cannot copy "${match}": it is a broken symbolic link`, {
        hint: `Exclude it, or write a pattern that leaves it out`,
      })
    })
    const isThere = found.some(({ entries }) => pattern === '.' || entries.length > 1)
    if (!isThere && !hasWildcard(source)) throw notFound(root, path, pattern)
    return found
  })
}

function notFound(root: string, path: string, pattern: string): XbuildError {
  const source = join(path, pattern)
  const [folder, real] = [resolveInRoot(root, path), resolveInRoot(root, source)]
  const [state, hint] =
    lstatIfPresent(real) === undefined
      ? [
          'no such file or folder',
          'Paths are relative to the root of what is copied from, here the build context or the stage',
        ]
      : real === join(folder, pattern)
        ? ['it is excluded by .dockerignore', 'Remove the pattern from .dockerignore or copy something else']
        : ['--parents does not go through symbolic links', 'Name its real path']
  return new XbuildError('NOT_FOUND', `Cannot copy "${source}": ${state}`, {
    hint,
    facts: { subject: source, state },
  })
}

function selectOne(root: string, match: string, filter: Filter): SelectedSource | undefined {
  const real = resolveInRoot(root, match)
  const path = real === root ? '' : real.slice(root.endsWith('/') ? root.length : root.length + 1)
  const entry = entryAt(real, '')
  if (!entry) return undefined
  if (path !== '' && filter.ignored(path, '')) {
    // An excluded folder may hold files that a later pattern brings back.
    if (entry.type !== 'dir' || filter.prune(path, '')) return undefined
  }
  const entries: SourceEntry[] = [entry]
  if (entry.type === 'dir') {
    walk(real, path, '', filter, entries)
    if (path !== '' && filter.ignored(path, '') && entries.length === 1) return undefined
  }
  return { name: basename(match), path, isDir: entry.type === 'dir', entries }
}

function walk(folder: string, rootPath: string, prefix: string, filter: Filter, out: SourceEntry[]): void {
  for (const { name, path, entry, ignored, pruned } of itemsIn(folder, { rootPath, prefix, filter })) {
    if (entry.type !== 'dir') {
      if (!ignored) out.push(entry)
      continue
    }
    const at = out.length
    out.push(ignored && filter.skips(path) ? { ...entry, onTheWay: true } : entry)
    if (!pruned) walk(join(folder, name), rootPath, path, filter, out)
    // An ignored folder is only wanted for what a later pattern brings back below it.
    if (ignored && out.length === at + 1) out.length = at
  }
}

interface Item {
  readonly name: string
  readonly path: string
  readonly entry: SourceEntry
  readonly ignored: boolean
  readonly pruned: boolean
}

/** What a folder holds, seen in one go: others may exchange it for a link that leads out of the context. */
function itemsIn(
  folder: string,
  { rootPath, prefix, filter }: { rootPath: string; prefix: string; filter: Filter },
): Item[] {
  return inFolder(folder, (pinned) => {
    const items: Item[] = []
    for (const name of readdirSync(pinned).sort()) {
      const path = prefix === '' ? name : `${prefix}/${name}`
      const fromRoot = rootPath === '' ? path : `${rootPath}/${path}`
      const ignored = filter.ignored(fromRoot, path)
      const pruned = ignored && filter.prune(fromRoot, path)
      const entry = pruned ? undefined : entryAt(`${pinned}/${name}`, path)
      if (entry) items.push({ name, path, entry, ignored, pruned })
    }
    return items
  })
}

function inFolder<T>(folder: string, use: (pinned: string) => T): T {
  try {
    return insideFolder(folder, use)
  } catch (cause) {
    if (cause instanceof XbuildError) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    const moved = cause instanceof MovedError || code === 'ELOOP' || code === 'ENOTDIR'
    const state = moved
      ? 'it changed while it was read'
      : code === 'ENAMETOOLONG'
        ? 'its path is too long'
        : (code ?? message)
    const what = `read the folder "${shownName(folder)}"`
    throw new XbuildError(moved ? 'CONTEXT_CHANGED' : 'NOT_FOUND', `Cannot ${what}: ${state}`, {
      cause,
      hint: moved ? 'Build again when nothing writes into it' : 'Make it readable, or exclude it in .dockerignore',
    })
  }
}

/** The entry at a path, or nothing when it is not there. */
export function entryAt(full: string, path: string): SourceEntry | undefined {
  const s = lstatIfPresent(full)
  if (!s) return undefined
  const type: EntryType = s.isFile()
    ? 'file'
    : s.isDirectory()
      ? 'dir'
      : s.isSymbolicLink()
        ? 'symlink'
        : s.isFIFO()
          ? 'fifo'
          : s.isSocket()
            ? 'socket'
            : s.isCharacterDevice()
              ? 'char'
              : 'block'
  return {
    path,
    type,
    mode: s.mode & 0o7777,
    uid: s.uid,
    gid: s.gid,
    size: type === 'file' ? s.size : 0,
    mtimeMs: s.mtimeMs,
    ctimeMs: s.ctimeMs,
    ino: s.ino,
    nlink: s.nlink,
    rdev: s.rdev,
    ...(type === 'symlink' ? { link: readlinkSync(full) } : {}),
  }
}

/**
 * All paths that a pattern with wildcards matches, sorted. Symbolic links are followed up to the first wildcard, and
 * below it the whole path is compared, so that `[^x]` may be a slash; nothing is looked for below what matches.
 */
function expand(root: string, pattern: string, filter: Filter): string[] {
  const parts = pattern.split('/').filter(Boolean)
  const first = parts.findIndex(hasWildcard)
  const base = parts.slice(0, first).join('/')
  const wanted = compilePattern(parts.slice(first).join('/'))
  const start = followed(root, base)
  const found: string[] = []
  if (start !== undefined && lstatIfPresent(start)?.isDirectory()) findBelow(start, '')
  return found

  function findBelow(folder: string, prefix: string): void {
    const items = inFolder(folder, (pinned) =>
      readdirSync(pinned)
        .sort()
        .map((name) => ({ name, isFolder: lstatIfPresent(`${pinned}/${name}`)?.isDirectory() === true })),
    )
    for (const { name, isFolder } of items) {
      const below = prefix + name
      const path = base === '' ? below : `${base}/${below}`
      if (filter.ignored(path, '') && (!isFolder || filter.prune(path, ''))) continue
      if (wanted.matches(below)) found.push(path)
      else if (isFolder && wanted.canContinue(`${below}/`)) findBelow(join(folder, name), `${below}/`)
    }
  }
}

/** Where a path leads; nothing for symlinks that go round in circles, below which a wildcard matches nothing. */
function followed(root: string, path: string): string | undefined {
  try {
    return resolveInRoot(root, path)
  } catch (error) {
    if (error instanceof XbuildError) return undefined
    throw error
  }
}
