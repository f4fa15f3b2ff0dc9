import { XbuildError } from '../../errors.ts'
import { readFileSync } from '../../host/byte-files.ts'
import { resolveInRoot } from '../../content/in-root.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import { withTree, type WorkerFolders } from './overlay.ts'

/** The text of a file in a file system, or nothing when there is none; symlinks do not lead out of it. */
export async function readTreeFile(
  folders: WorkerFolders,
  { lowers, path, limit }: { lowers: readonly string[]; path: string; limit: number },
): Promise<{ text?: string }> {
  return withTree(folders, lowers, async (root) => {
    const real = resolveInRoot(root, path)
    const found = lstatIfPresent(real)
    if (!found) return {}
    if (!found.isFile())
      throw new XbuildError(
        'NOT_FOUND',
        `Cannot read "${path}": it is ${found.isDirectory() ? 'a folder' : 'not a file'}`,
      )
    if (found.size > limit)
      throw new XbuildError('BAD_DOCKERFILE', `Cannot read "${path}": it has ${found.size} bytes, more than ${limit}`)
    return { text: readFileSync(real).toString() }
  })
}
