import { closeSync, constants } from 'node:fs'
import { openSync, readlinkSync } from './byte-files.ts'

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** The kernel names an open file: no one who changes the folder meanwhile can make that name another one. */
const NAMED = process.platform === 'linux'

/** Something has come into the way to a file or folder since somebody saw it. */
export class MovedError extends Error {
  /** As that of a file that is gone. */
  readonly code = 'ENOENT'
}

/**
 * Opens what lies at a path for reading; no symbolic link is followed on the way from its folders or at its end, and
 * nothing is waited for. The path must be real (see `realpath`). Throws `MovedError` when it is not, any more, and
 * what the system says.
 */
export function openInside(path: string, { folder = false }: { readonly folder?: boolean } = {}): number {
  const file = openSync(path, folder ? FLAGS | constants.O_DIRECTORY : FLAGS)
  try {
    if (NAMED && readlinkSync(throughHandle(file)) !== path)
      throw new MovedError(`"${path}" changed while it was opened`)
    return file
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** A path to what is open, and to what is in it when it is a folder, wherever it is moved to. Of Linux alone. */
export function throughHandle(file: number): string {
  return `/proc/self/fd/${file}`
}

/** Opens a folder as `openInside` does; `use` gets a path that leads to it, and to nothing else, for as long as it runs. */
export function insideFolder<T>(path: string, use: (pinned: string) => T): T {
  if (!NAMED) return use(path)
  const file = openInside(path, { folder: true })
  try {
    return use(throughHandle(file))
  } finally {
    closeSync(file)
  }
}
