import { chmodSync, lchownSync, lutimesSync } from 'node:fs'
import { runProgram } from '../../host/spawn.ts'
import type { TarEntry } from '../../oci/tar-format.ts'
import { fileTime } from './file-time.ts'

/**
 * Makes a named pipe or a device; a user namespace may not make devices, and containers get theirs from the runtime:
 * there it is left out.
 */
export async function makeNode(path: string, entry: TarEntry): Promise<void> {
  if (entry.type === 'char' && entry.devMajor === 0 && entry.devMinor === 0) return // would act as a whiteout
  const args =
    entry.type === 'fifo'
      ? [path, 'p']
      : [path, entry.type === 'char' ? 'c' : 'b', String(entry.devMajor), String(entry.devMinor)]
  try {
    await runProgram('mknod', args)
  } catch (cause) {
    if (entry.type === 'fifo') throw cause
    return
  }
  lchownSync(path, entry.uid, entry.gid)
  chmodSync(path, entry.mode)
  lutimesSync(path, fileTime(entry.mtime), fileTime(entry.mtime))
}

/** The numbers of a device: Linux has 12 bits of major and 20 of minor, interleaved. */
export function deviceNumbers(rdev: number): { devMajor: number; devMinor: number } {
  return { devMajor: (rdev >>> 8) & 0xfff, devMinor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) }
}
