import { chmodSync, lchownSync, lstatSync, mkdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'

const MAX_LINKS = 255

/**
 * The real path of `path` inside `root`, as a process chrooted to `root` would find it: symlinks, absolute ones too, and `..`
 * never lead out. Parts that do not exist are taken as they are. `follow: false` leaves a symlink at the end alone.
 */
export function resolveInRoot(root: string, path: string, options: { follow?: boolean } = {}): string {
  const rest = partsOf(path).reverse()
  const real: string[] = []
  let links = 0
  while (rest.length > 0) {
    const name = rest.pop()!
    if (name === '..') {
      real.pop()
      continue
    }
    const full = join(root, ...real, name)
    const found = lstatSync(full, { throwIfNoEntry: false })
    if (found?.isSymbolicLink() && (rest.length > 0 || options.follow !== false)) {
      links += 1
      if (links > MAX_LINKS) throw new XbuildError('NOT_FOUND', `Cannot resolve "${path}": too many symbolic links`)
      const target = readlinkSync(full)
      if (target.startsWith('/')) real.length = 0
      rest.push(...partsOf(target).reverse())
      continue
    }
    real.push(name)
  }
  return join(root, ...real)
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}

/** A folder that `makeFolders` had to make. */
export interface MadeFolder {
  readonly path: string
}

/** Makes `path` and its missing parents inside `root`, following symlinks within it; gives back its real path and what was made. */
export function makeFolders(root: string, path: string, owner: { uid: number; gid: number }, mode = 0o755): { path: string; made: string[] } {
  const made: string[] = []
  let links = 0
  const rest = partsOf(path).reverse()
  const real: string[] = []
  while (rest.length > 0) {
    const name = rest.pop()!
    if (name === '..') {
      real.pop()
      continue
    }
    const full = join(root, ...real, name)
    const found = lstatSync(full, { throwIfNoEntry: false })
    if (found?.isSymbolicLink()) {
      links += 1
      if (links > MAX_LINKS) throw new XbuildError('NOT_FOUND', `Cannot make the folder "${path}": too many symbolic links`)
      const target = readlinkSync(full)
      if (target.startsWith('/')) real.length = 0
      rest.push(...partsOf(target).reverse())
      continue
    }
    if (!found) {
      mkdirSync(full, { mode })
      lchownSync(full, owner.uid, owner.gid)
      chmodSync(full, mode)
      made.push(full)
    } else if (!found.isDirectory()) {
      throw new XbuildError('NOT_FOUND', `Cannot make the folder "${path}": "/${[...real, name].join('/')}" is not a folder`)
    }
    real.push(name)
  }
  return { path: join(root, ...real), made }
}
