import { createHash } from 'node:crypto'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { PackFile } from './pack.ts'

/** Every file of a folder, as the manifest of a pack lists them. */
export async function filesOf(folder: string): Promise<PackFile[]> {
  const names = (await readdir(folder, { recursive: true })).sort()
  const files: PackFile[] = []
  for (const path of names) {
    if (!(await stat(join(folder, path))).isFile()) continue
    files.push({ path, ...(await digestOf(join(folder, path))) })
  }
  return files
}

/** Compilers are large: a whole one in memory is soon collected, and that takes longer than the hash. Bytes. */
const PIECE = 1 << 20

/** Size and digest of a file. */
export async function digestOf(file: string): Promise<{ readonly size: number; readonly sha256: string }> {
  const handle = await open(file)
  try {
    const hash = createHash('sha256')
    const piece = Buffer.allocUnsafeSlow(PIECE)
    let size = 0
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, PIECE, size)
      if (bytesRead === 0) return { size, sha256: hash.digest('hex') }
      hash.update(piece.subarray(0, bytesRead))
      size += bytesRead
    }
  } finally {
    await handle.close()
  }
}
