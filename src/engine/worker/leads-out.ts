import { join, relative } from 'node:path'
import { readlinkSync } from '../../host/byte-files.ts'
import { cleanPath } from '../../dockerfile/paths.ts'
import { lstatIfPresent } from '../../content/lstat.ts'

/** As many as the walk that follows takes. */
const MAX_LINKS = 255

/**
 * Whether a path climbs out of the folder `base` through a symlink with `..`; an absolute link begins at `base`
 * anew. `from`: the real path, in `base`, that `path` begins at.
 */
export function leadsOut(base: string, path: string, from: string = base): boolean {
  const rest = partsOf(path)
  const real = partsOf(relative(base, from)).reverse()
  let links = 0
  for (let name = rest.pop(); name !== undefined && links <= MAX_LINKS; name = rest.pop()) {
    if (name === '..') {
      if (real.pop() === undefined) return true
      continue
    }
    const full = join(base, ...real, name)
    if (lstatIfPresent(full)?.isSymbolicLink() !== true) {
      real.push(name)
      continue
    }
    const target = readlinkSync(full)
    if (target.startsWith('/')) real.length = 0
    // Above its own beginning an absolute link finds that again
    rest.push(...partsOf(target.startsWith('/') ? cleanPath(target) : target))
    links += 1
  }
  return false
}

/** The last part first. */
function partsOf(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .reverse()
}
