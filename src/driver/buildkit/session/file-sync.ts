import { compact } from '../../../compact.ts'
import { XbuildError } from '../../../errors.ts'
import type { FolderRead } from '../../../content/built-image.ts'
import { FileSync } from '../gen/filesync_pb.ts'
import { serveStream, type Metadata, type Served } from '../grpc/server.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'
import { treeFilter, type TreeFilter } from '../sync/filter.ts'
import { createFingerprint } from '../sync/fingerprint.ts'
import { sendTree } from '../sync/send.ts'
import type { Tree } from '../sync/tree.ts'

/** Sends the trees that the daemon may have, by name, and no others. `onRead` hears what was sent of folders. */
export function fileSyncService(
  trees: ReadonlyMap<string, Tree>,
  onRead: (read: FolderRead) => void,
): readonly Served[] {
  return [
    serveStream(FileSync.method.diffCopy, async (call) => {
      const name = valuesOf(call.metadata, 'dir-name')[0] ?? ''
      const tree = trees.get(name)
      if (!tree) throw new GrpcFailure(GRPC.notFound, `there is no folder "${name}" in this session`)
      const wanted = {
        include: valuesOf(call.metadata, 'include-patterns'),
        exclude: valuesOf(call.metadata, 'exclude-patterns'),
        follow: valuesOf(call.metadata, 'followpaths'),
      }
      const { folder } = tree
      const filter = filterOf(wanted, tree, await tree.kept?.())
      if (folder === undefined) return sendTree(call, tree, filter)
      const listed = createFingerprint()
      await sendTree(call, tree, filter, listed)
      const fingerprint = listed.end()
      onRead({ folder, ...wanted, ...compact({ fingerprint }) })
    }),
  ]
}

function filterOf(
  { include, exclude, follow }: Pick<FolderRead, 'include' | 'exclude' | 'follow'>,
  tree: Tree,
  kept: readonly string[] = [],
): TreeFilter {
  try {
    return treeFilter({ include: [...include, ...tree.follow(follow)], exclude, kept })
  } catch (cause) {
    throw cause instanceof XbuildError
      ? cause
      : new GrpcFailure(GRPC.invalidArgument, (cause as Error).message, { cause })
  }
}

/** Values that would not survive as a header are encoded like those of a URL's query. */
function valuesOf(metadata: Metadata, key: string): readonly string[] {
  const values = metadata.all(key)
  if (metadata.one(`${key}-encoded`) !== '1') return values
  try {
    return values.map((value) => decodeURIComponent(value.replaceAll('+', ' ')))
  } catch (cause) {
    throw new GrpcFailure(GRPC.invalidArgument, `${key} is not encoded as it says`, { cause })
  }
}
