import { dirname } from 'node:path'
import { utimesSync } from '../../host/byte-files.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import { fileTime } from './file-time.ts'

/** Modification times that folders get at the end, when nothing changes in them any more. Seconds. */
export interface FolderTimes {
  /** A folder that was there gets back the time it has now (or `mtime`, when it has changed already). */
  keep(folder: string, mtime?: number): void
  /** A folder that was made gets the time of its source, or the newest of all when it has none. */
  made(folder: string, mtime?: number): void
  /** Takes note of a source's time. */
  saw(mtime: number): void
  restore(): void
}

/** Sets the time of a folder inside `root`, unless something else has come into its place, or into the way to it. */
export function setFolderTime(root: string, folder: string, mtime: number): void {
  if (isFolder(folder, new Map([[root, true]]))) utimesSync(folder, fileTime(mtime), fileTime(mtime))
}

/** Whether a path is a folder, reached through folders alone; `known` holds the answers so far, at first the root's. */
function isFolder(path: string, known: Map<string, boolean>): boolean {
  const before = known.get(path)
  if (before !== undefined) return before
  const is = isFolder(dirname(path), known) && lstatIfPresent(path)?.isDirectory() === true
  known.set(path, is)
  return is
}

/** Starts with no folder of `root` known. */
export function createFolderTimes(root: string): FolderTimes {
  const times = new Map<string, number | undefined>()
  let newest = 0
  return {
    keep(folder, mtime) {
      if (!times.has(folder)) times.set(folder, mtime ?? lstatIfPresent(folder)!.mtimeMs / 1000)
    },
    made: (folder, mtime) => void times.set(folder, mtime),
    saw(mtime) {
      newest = Math.max(newest, mtime)
    },
    restore() {
      const known = new Map([[root, true]])
      for (const [folder, mtime] of times) {
        const time = fileTime(mtime ?? newest)
        if (isFolder(folder, known)) utimesSync(folder, time, time)
      }
    },
  }
}
