import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { direntsSync, renameSync, rmSync } from './byte-files.ts'

/**
 * Removes a file or folder with everything in it, however deep: a program that goes down folder by folder makes trees
 * that no path reaches the end of. Does nothing when it is not there; throws what the system says.
 */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  } catch (error) {
    // Node goes down by calls: thousands of folders in each other are too many for its stack
    if ((error as NodeJS.ErrnoException).code !== 'ENAMETOOLONG' && !(error instanceof RangeError)) throw error
    flatten(path)
    rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Brings each folder below `top` to its first level, where what is left of it can be removed. */
function flatten(top: string): void {
  const prefix = `.${randomBytes(8).toString('hex')}-`
  let count = 0
  for (const waiting = foldersIn(top); waiting.length > 0; ) {
    const folder = join(top, waiting.pop()!)
    for (const name of foldersIn(folder)) {
      const here = `${prefix}${(count++).toString(36)}`
      renameSync(join(folder, name), join(top, here))
      waiting.push(here)
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

function foldersIn(path: string): string[] {
  return direntsSync(path)
    .filter(({ entry }) => entry.isDirectory())
    .map(({ name }) => name)
}
