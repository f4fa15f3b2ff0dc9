import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ownMark } from '../host/process-mark.ts'
import type { StoreFolder } from './places.ts'

const folders = new Set<string>()

/**
 * Removes the files that this process began and did not finish when it ends, however it ends by itself: a second Ctrl-C
 * waits for nobody. Folders are left to who made them, or to the next build: they can be large.
 */
export function removeOwnAtExit({ tmp }: Pick<StoreFolder, 'tmp'>): void {
  if (folders.size === 0) process.once('exit', removeAll)
  folders.add(tmp)
}

function removeAll(): void {
  for (const folder of folders) {
    try {
      const found = readdirSync(folder, { withFileTypes: true })
      for (const entry of found)
        if (entry.isFile() && entry.name.startsWith(`${ownMark()}-`)) rmSync(join(folder, entry.name), { force: true })
    } catch {
      // the store is gone, or its disk is
    }
  }
}
