import { rm } from 'node:fs/promises'
import { removeTree } from '../../host/remove-tree.ts'
import type { Store } from '../store.ts'
import { publicationFile } from './publications.ts'
import { readRun } from './read-run.ts'
import { runFolder } from './run-folder.ts'

/** Removes what is known of a run; what it built and did not publish is held by nothing any more. */
export async function removeRun({ folder }: Pick<Store, 'folder'>, id: string): Promise<void> {
  const run = readRun(folder, id)
  removeTree(runFolder(folder, id))
  for (const { publication } of run?.images ?? [])
    if (publication !== undefined) await rm(publicationFile(folder, publication), { force: true })
}
