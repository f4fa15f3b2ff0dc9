import { utimesSync } from 'node:fs'
import { look } from '../look.ts'
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

/** Starts with no folder known. */
export function createFolderTimes(): FolderTimes {
  const times = new Map<string, number | undefined>()
  let newest = 0
  return {
    keep(folder, mtime) {
      if (!times.has(folder)) times.set(folder, mtime ?? look(folder)!.mtimeMs / 1000)
    },
    made: (folder, mtime) => void times.set(folder, mtime),
    saw(mtime) {
      newest = Math.max(newest, mtime)
    },
    restore() {
      for (const [folder, mtime] of times) utimesSync(folder, fileTime(mtime ?? newest), fileTime(mtime ?? newest))
    },
  }
}
