import { XbuildError } from '../../errors.ts'
import { makeFolders } from '../../content/in-root.ts'
import type { Changed, WorkdirParams } from '../protocol.ts'
import { setFolderTime } from './folder-times.ts'
import { isEmpty, makeSnapshot, type WorkerFolders } from './overlay.ts'
import { resolveOwner } from './users.ts'

/** WORKDIR: makes the folder, owned by `user`, unless it is there. */
export async function workdir(folders: WorkerFolders, params: WorkdirParams): Promise<Changed> {
  return makeSnapshot(folders, params, async ({ merged, upper }) => {
    const { uid, gid, unknown } = resolveOwner(merged, params.user)
    if (unknown !== undefined && params.lowers.length === 0) {
      throw new XbuildError('NOT_FOUND', `Cannot use USER ${params.user}: an image from scratch has no user names`, {
        hint: 'Write numbers, like USER 1000:1000',
      })
    }
    const { made, grown } = makeFolders(merged, params.path, params.user === '' ? {} : { owner: { uid, gid } })
    // Any time but a fixed one would make the layer differ from build to build.
    for (const path of made) setFolderTime(merged, path, 0)
    if (grown) setFolderTime(merged, grown.path, grown.mtime)
    return { empty: isEmpty(upper) }
  })
}
