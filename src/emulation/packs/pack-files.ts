import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readBytes } from '../../host/read-bytes.ts'
import type { PackFile } from './pack.ts'

/** Every file of a folder, as the manifest of a pack lists them. */
export async function filesOf(folder: string): Promise<PackFile[]> {
  const names = (await readdir(folder, { recursive: true })).sort()
  const files: PackFile[] = []
  for (const path of names) {
    if (!(await stat(join(folder, path))).isFile()) continue
    const bytes = await readBytes(join(folder, path))
    files.push({ path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
  }
  return files
}
