import { chmodSync, existsSync, lchownSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { runProgram } from '../../host/spawn.ts'
import { resolveInRoot } from '../../content/in-root.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import type { CacheFolderParams } from '../protocol.ts'
import { withScratch, withTree, type WorkerFolders } from './overlay.ts'

/**
 * Makes the folder of a cache mount, with what it starts with, unless it is there. The caller sees to it that nobody
 * else does meanwhile.
 */
export async function makeCacheFolder(
  folders: WorkerFolders,
  { id, owner, seed }: CacheFolderParams,
): Promise<Record<string, never>> {
  const target = join(folders.snapshots, id)
  if (existsSync(target)) return {}
  return withScratch(folders, async (scratch) => {
    const folder = join(scratch, 'cache')
    mkdirSync(folder)
    if (seed) await withTree(folders, seed.lowers, (root) => copySeed(root, seed.source, folder))
    else {
      lchownSync(folder, owner.uid, owner.gid)
      chmodSync(folder, owner.mode)
    }
    renameSync(folder, target)
    return {}
  })
}

async function copySeed(root: string, source: string, folder: string): Promise<void> {
  const from = resolveInRoot(root, source)
  if (!lstatIfPresent(from)?.isDirectory()) {
    throw new XbuildError('NOT_FOUND', `Cannot start a cache with "${source}": no such folder in what is mounted`, {
      hint: 'The source of a mount is a path from the root of its stage or image',
    })
  }
  await runProgram('cp', ['-a', '--reflink=auto', '--', `${from}/.`, folder])
}
