import { createHash } from 'node:crypto'
import { closeSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { filterFor } from '../../content/filter.ts'
import { selectSources } from '../../content/select.ts'
import { openSync } from '../../host/byte-files.ts'
import { withTree, type WorkerFolders } from './overlay.ts'

/**
 * A digest over everything that a COPY --from would take, but for its times: equal content gives an equal key,
 * whatever made it.
 */
export async function digestTree(
  folders: WorkerFolders,
  params: { lowers: readonly string[]; sources: readonly string[]; excludes: readonly string[] },
): Promise<{ digest: string }> {
  return withTree(folders, params.lowers, async (root) => {
    const hash = createHash('sha256')
    for (const selected of selectSources(root, params.sources, filterFor([], params.excludes))) {
      hash.update(JSON.stringify([selected.name, selected.isDir]))
      for (const entry of selected.entries) {
        hash.update(
          JSON.stringify([entry.path, entry.type, entry.mode, entry.uid, entry.gid, entry.size, entry.link ?? '']),
        )
        if (entry.type === 'file') hash.update(fileDigest(join(root, selected.path, entry.path)))
      }
    }
    return { digest: hash.digest('hex') }
  })
}

function fileDigest(file: string): Buffer {
  const hash = createHash('sha256')
  const fd = openSync(file, 'r')
  try {
    const buffer = Buffer.allocUnsafe(1 << 18)
    for (let bytes = readSync(fd, buffer); bytes > 0; bytes = readSync(fd, buffer))
      hash.update(buffer.subarray(0, bytes))
  } finally {
    closeSync(fd)
  }
  return hash.digest()
}
