import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { chmodSync, lchownSync, lutimesSync, renameSync } from '../../host/byte-files.ts'
import { runProgram } from '../../host/spawn.ts'
import type { TarEntry } from '../../oci/tar-format.ts'
import { fileTime } from './file-time.ts'

/**
 * Makes a named pipe or a device; a user namespace may not make devices, and containers get theirs from the runtime:
 * there it is left out.
 */
export async function makeNode(path: string, entry: TarEntry): Promise<void> {
  if (entry.type === 'char' && entry.devMajor === 0 && entry.devMinor === 0) return // would act as a whiteout
  const kind =
    entry.type === 'fifo' ? ['p'] : [entry.type === 'char' ? 'c' : 'b', String(entry.devMajor), String(entry.devMinor)]
  try {
    if (path.isWellFormed()) await runProgram('mknod', [path, ...kind])
    else {
      // No argument can hold such a name
      const name = `.xbuild-${randomBytes(8).toString('hex')}`
      await runProgram('mknod', [name, ...kind], { cwd: dirname(path) })
      renameSync(join(dirname(path), name), path)
    }
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
