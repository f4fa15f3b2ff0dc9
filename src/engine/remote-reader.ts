import type { RemoteReader } from '../content/main-context.ts'
import { makeRemoteVertex } from './lower.ts'
import type { Remotes } from './remotes-types.ts'

/** Reads the build context where it comes from elsewhere; `platforms` are shown in progress. */
export function remoteReader(remotes: Remotes, platforms: readonly string[]): RemoteReader {
  return {
    file: (remote, signal) => remotes.file(remote, signal),
    async readText(source, path, options) {
      const vertex = makeRemoteVertex(source, { context: 'context', platforms: new Set(platforms) })
      return remotes.readText(await remotes.tree(vertex, options.signal), path, options)
    },
  }
}
