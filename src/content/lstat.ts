import type { Stats } from 'node:fs'
import { lstatSync } from '../host/byte-files.ts'

/** Besides ENOENT, which Node knows: something on the way is no folder; no such name can be. */
const ABSENT: ReadonlySet<string | undefined> = new Set(['ENOTDIR', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'])

/** What lies at a path, a symlink as itself; undefined when there is nothing, or cannot be. */
export function lstatIfPresent(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch (error) {
    if (ABSENT.has((error as NodeJS.ErrnoException).code)) return undefined
    throw error
  }
}
