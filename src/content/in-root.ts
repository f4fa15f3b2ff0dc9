import type { Stats } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { chmodSync, lchownSync, mkdirSync, readlinkSync } from '../host/byte-files.ts'
import { lstatIfPresent } from './lstat.ts'

/** As many as Go's and BuildKit's resolvers follow; the kernel gives up after 40. */
const MAX_LINKS = 255

/**
 * The real path of `path` inside `root`, as a process chrooted to `root` would find it: symlinks, absolute ones too,
 * and `..` never lead out. Parts that do not exist are taken as they are. `follow: false` leaves a symlink at the end
 * alone.
 */
export function resolveInRoot(root: string, path: string, { follow = true }: { follow?: boolean } = {}): string {
  return walk(root, path, { follow })
}

/** Whether a path below `root` still names what it named: no symlink has come into its way. */
export function isReal(root: string, path: string): boolean {
  try {
    return resolveInRoot(root, relative(root, path), { follow: false }) === path
  } catch (error) {
    if (error instanceof XbuildError) return false // links that go round in circles
    throw error
  }
}

/** What `makeFolders` did. */
export interface MadeFolders {
  /** Real path of the folder. */
  readonly path: string
  /** Folders that were not there, parents first. */
  readonly made: readonly string[]
  /** The folder that got the first of them, with the modification time it had. Seconds. */
  readonly grown?: { readonly path: string; readonly mtime: number }
}

/** How `makeFolders` makes them. */
export interface NewFolders {
  /** The real path, in the root, that the path begins at. */
  readonly from?: string | undefined
  /** Default: root, and the group of a set-group-id folder above, as the kernel does it. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
  /** Not set-group-id, even where the folder above is. */
  readonly plain?: boolean
}

/**
 * Makes `path` and its missing parents inside `root`, following symlinks within it. Throws NOT_FOUND when something
 * else is in the way.
 */
export function makeFolders(
  root: string,
  path: string,
  { from = root, owner, plain = false }: NewFolders = {},
): MadeFolders {
  const made: string[] = []
  let grown: MadeFolders['grown']
  const real = walk(root, path, {
    follow: true,
    from,
    visit(full, found) {
      if (found?.isDirectory()) return
      if (found)
        throw new XbuildError(
          'NOT_FOUND',
          `Cannot make the folder "${path}": "/${relative(root, full)}" is not a folder`,
        )
      grown ??= { path: dirname(full), mtime: lstatIfPresent(dirname(full))!.mtimeMs / 1000 }
      const inGroup = (lstatIfPresent(dirname(full))!.mode & 0o2000) !== 0
      mkdirSync(full)
      if (owner || !inGroup) lchownSync(full, owner?.uid ?? 0, owner?.gid ?? 0)
      chmodSync(full, inGroup && !plain ? 0o2755 : 0o755)
      made.push(full)
    },
  })
  return { path: real, made, ...compact({ grown }) }
}

/** Goes along a path, calling `visit` with every part that is not a symlink. */
function walk(
  root: string,
  path: string,
  {
    follow,
    visit,
    from = root,
  }: { follow: boolean; visit?: (full: string, found: Stats | undefined) => void; from?: string },
): string {
  const rest = partsOf(path).reverse()
  const real = partsOf(relative(root, from))
  let links = 0
  while (rest.length > 0) {
    const name = rest.pop()!
    if (name === '..') {
      real.pop()
      continue
    }
    const full = join(root, ...real, name)
    const found = lstatIfPresent(full)
    if (found?.isSymbolicLink() && (rest.length > 0 || follow)) {
      links += 1
      if (links > MAX_LINKS) throw new XbuildError('NOT_FOUND', `Cannot resolve "${path}": too many symbolic links`)
      const target = readlinkSync(full)
      if (target.startsWith('/')) real.length = 0
      rest.push(...partsOf(target).reverse())
      continue
    }
    visit?.(full, found)
    real.push(name)
  }
  return join(root, ...real)
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}
