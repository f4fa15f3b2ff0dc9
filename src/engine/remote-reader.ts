import type { RemoteReader } from '../content/context-types.ts'
import { makeRemoteVertex } from './source-vertex.ts'
import type { TreeSource } from '../content/sources.ts'
import type { Remotes } from './remotes-types.ts'

/** Reads the build context where it comes from elsewhere; `platforms` are shown in progress, `byUser` as in its vertex. */
export function remoteReader(
  remotes: Remotes,
  { platforms, byUser }: { readonly platforms: readonly string[]; readonly byUser: boolean },
): RemoteReader {
  const tree = (source: TreeSource, signal: AbortSignal) =>
    remotes.tree(makeRemoteVertex(source, { context: 'context', byUser, platforms: new Set(platforms) }), signal)
  return {
    file: (remote, signal) => remotes.file(remote, signal),
    readText: async (source, path, options) => remotes.readText(await tree(source, options.signal), path, options),
    time: async (source, signal) => (await tree(source, signal)).time,
  }
}
