import { basename, dirname } from 'node:path'
import { fileNameOf, type HttpRemote } from '../dockerfile/remote.ts'
import type { Download } from '../source/http.ts'
import type { CopySource } from './protocol.ts'
import type { Remotes, RemotesOptions } from './remotes-types.ts'
import { entryAt } from '../content/select.ts'

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
