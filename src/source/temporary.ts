import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoreFolder } from '../store/folder.ts'
import { markedName } from '../store/leftovers.ts'

/**
 * A name for a file or folder of this process in the store; what a killed process leaves under it, the next one
 * removes.
 */
export function temporaryName(folder: StoreFolder, what: string): string {
  return join(folder.tmp, markedName(what))
}

/** Gives `use` an empty folder in the store that nobody else may enter, and removes it whatever happens. */
export async function withTemporaryFolder<T>(
  folder: StoreFolder,
  what: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const path = temporaryName(folder, what)
  await mkdir(path, { recursive: true, mode: 0o700 })
  try {
    return await use(path)
  } finally {
    // A program that was just stopped may still be writing its last file
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}
