import type { HttpRemote } from '../dockerfile/remote.ts'
import type { Reach } from '../host/http/reach.ts'
import type { Download } from '../source/http.ts'
import type { ReadSecret } from '../source/logins.ts'
import type { Store } from '../store/store.ts'
import type { Emit } from '../events.ts'
import type { Layers } from './layers.ts'
import type { Solved } from './solved.ts'
import type { RemoteVertex } from './vertex.ts'
import type { Workers } from './workers.ts'

/** Brings what comes from elsewhere: repositories and archives as layers that steps copy from, files as they are. */
export interface Remotes {
  /** The files of a repository or an archive. */
  tree(vertex: RemoteVertex, signal: AbortSignal): Promise<Solved>
  /** Bytes behind a URL, as a file of the store. */
  file(remote: HttpRemote, signal: AbortSignal): Promise<{ readonly path: string; readonly download: Download }>
  /**
   * One digest for what a COPY takes of a tree: equal for equal names, owners, modes and contents, whatever commit
   * they come from.
   */
  digest(
    tree: Solved,
    what: { readonly sources: readonly string[]; readonly excludes: readonly string[] },
    signal: AbortSignal,
  ): Promise<string>
  /** Text of a file in a tree, if it is there. */
  readText(
    tree: Solved,
    path: string,
    options: { readonly limit: number; readonly signal: AbortSignal },
  ): Promise<string | undefined>
  close(): void
}

/** What bringing things from elsewhere needs. */
export interface RemotesOptions {
  readonly store: Store
  readonly workers: Workers
  readonly layers: Layers
  readonly env: Readonly<Record<string, string | undefined>>
  readonly emit: Emit
  /** Secrets of the build, where logins may be. */
  readonly secret?: ReadSecret
  /** Socket of the build's agent `default`, with which git signs in. */
  readonly agent?: () => Promise<string | undefined>
  /** Addresses that may be asked for it; absent: all. */
  readonly reach?: Reach
}
