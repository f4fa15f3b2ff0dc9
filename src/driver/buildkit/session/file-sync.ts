import { XbuildError } from '../../../errors.ts'
import { FileSync } from '../gen/filesync_pb.ts'
import { serveStream, type Metadata, type Served } from '../grpc/server.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'
import { treeFilter, type TreeFilter } from '../sync/filter.ts'
import { sendTree } from '../sync/send.ts'
import type { Tree } from '../sync/tree.ts'

/** Sends the trees that the daemon may have, by name, and no others. */
export function fileSyncService(trees: ReadonlyMap<string, Tree>): readonly Served[] {
  return [
    serveStream(FileSync.method.diffCopy, async (call) => {
      const name = valuesOf(call.metadata, 'dir-name')[0] ?? ''
      const tree = trees.get(name)
      if (!tree) throw new GrpcFailure(GRPC.notFound, `there is no folder "${name}" in this session`)
      await sendTree(call, tree, filterOf(call.metadata, tree))
    }),
  ]
}

function filterOf(metadata: Metadata, tree: Tree): TreeFilter {
  try {
    const include = [...valuesOf(metadata, 'include-patterns'), ...tree.follow(valuesOf(metadata, 'followpaths'))]
    return treeFilter({ include, exclude: valuesOf(metadata, 'exclude-patterns') })
  } catch (cause) {
    throw cause instanceof XbuildError ? cause : new GrpcFailure(GRPC.invalidArgument, (cause as Error).message, { cause })
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
