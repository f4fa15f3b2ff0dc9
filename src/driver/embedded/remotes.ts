import { basename, dirname } from 'node:path'
import { fileNameOf, type HttpRemote } from '../../dockerfile/remote.ts'
import type { Download } from '../../source/http.ts'
import type { ReadSecret } from '../../source/logins.ts'
import type { Store } from '../../store/store.ts'
import type { Emit } from '../driver.ts'
import type { Layers } from './layers.ts'
import type { CopySource } from './protocol.ts'
import { entryAt } from './select.ts'
import type { Solved } from './solve.ts'
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

export interface RemotesOptions {
  readonly store: Store
  readonly workers: Workers
  readonly layers: Layers
  readonly env: Readonly<Record<string, string | undefined>>
  readonly emit: Emit
  /** Secrets of the build, where logins may be. */
  readonly secret?: ReadSecret
}

/**
 * Remotes whose code, git and http, is loaded by the first thing that comes from elsewhere: most builds need none of
 * it.
 */
export function createRemotes(options: RemotesOptions): Remotes {
  let loading: Promise<Remotes> | undefined
  const loaded = () => (loading ??= import('./fetch-remotes.ts').then(({ fetchRemotes }) => fetchRemotes(options)))
  return {
    tree: async (...args) => (await loaded()).tree(...args),
    file: async (...args) => (await loaded()).file(...args),
    digest: async (...args) => (await loaded()).digest(...args),
    readText: async (...args) => (await loaded()).readText(...args),
    close: () =>
      void loading?.then(
        (remotes) => remotes.close(),
        () => undefined,
      ),
  }
}

/** A downloaded file as ADD copies it: for root only, with the server's time, under the name in its URL. */
export function copySourceOf(
  remote: HttpRemote,
  { path, download }: { readonly path: string; readonly download: Download },
): CopySource & { kind: 'context' } {
  const entry = {
    ...entryAt(path, '')!,
    mode: 0o600,
    uid: 0,
    gid: 0,
    nlink: 1,
    mtimeMs: download.mtime * 1000,
    digest: download.digest.slice('sha256:'.length),
  }
  return {
    kind: 'context',
    root: dirname(path),
    selected: [{ name: fileNameOf(remote.url), path: basename(path), isDir: false, entries: [entry] }],
    checked: false,
  }
}
