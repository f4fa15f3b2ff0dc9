import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../../host/spawn.ts'
import { LOST } from '../../store/durable.ts'
import { withScratch, type WorkerFolders } from './overlay.ts'

/** Arguments of one program: far below what the kernel takes. */
const AT_A_TIME = 500

/** Bytes that each snapshot takes on disk. */
export async function measureSnapshots(
  folders: WorkerFolders,
  ids: readonly string[],
): Promise<{ sizes: Record<string, number> }> {
  const sizes: Record<string, number> = {}
  for (const some of chunks(ids)) {
    const text = await runProgram('du', ['-sk', '--', ...some.map((id) => `./${id}`)], { cwd: folders.snapshots })
    for (const line of text.split('\n').filter(Boolean)) {
      const [kibibytes, name = ''] = line.split('\t')
      sizes[name.slice('./'.length)] = Number(kibibytes) * 1024
    }
  }
  return { sizes }
}

/**
 * Removes snapshots that nothing names any more. Each loses its name first: half a snapshot must never be taken for a
 * whole one.
 */
export async function removeSnapshots(folders: WorkerFolders, ids: readonly string[]): Promise<Record<string, never>> {
  return withScratch(folders, async (scratch) => {
    for (const [index, some] of chunks(ids).entries()) {
      const folder = join(scratch, String(index))
      mkdirSync(folder)
      for (const id of some) renameIfThere(join(folders.snapshots, id), join(folder, id))
      // Not in this process: a tree may be deeper than the longest path that a call takes
      await runProgram('rm', ['-rf', '--one-file-system', '--', folder])
    }
    return {}
  })
}

/** Removes snapshots that the store gave up, beside other work. */
export async function removeLost(folders: WorkerFolders): Promise<void> {
  try {
    const lost = readdirSync(folders.snapshots).filter((name) => name.startsWith(LOST))
    if (lost.length > 0) await removeSnapshots(folders, lost)
  } catch {
    // another worker is at it, or the next one will be
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function chunks(ids: readonly string[]): (readonly string[])[] {
  return Array.from({ length: Math.ceil(ids.length / AT_A_TIME) }, (_, index) =>
    ids.slice(index * AT_A_TIME, (index + 1) * AT_A_TIME),
  )
}
