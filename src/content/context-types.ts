import type { HttpRemote } from '../dockerfile/remote.ts'
import type { Download } from '../source/http.ts'
import type { StoreFolder } from '../store/folder.ts'
import type { TreeSource } from './sources.ts'

/** A Dockerfile that was read. */
export interface DockerfileText {
  readonly text: string
  /** How messages call the file. */
  readonly shown: string
  /** Its full path, when it is a file of this machine: a `.dockerignore` of its own may lie beside it. */
  readonly path?: string
}

/** Reads what comes from elsewhere. */
export interface RemoteReader {
  /** Bytes behind a URL, as a file of the store. */
  file(remote: HttpRemote, signal: AbortSignal): Promise<{ readonly path: string; readonly download: Download }>
  /** When the commit of a repository was made, in seconds since the epoch. */
  time(source: TreeSource, signal: AbortSignal): Promise<number | undefined>
  /** Text of a file in a repository or an archive, if it is there; `limit` in bytes. */
  readText(
    source: TreeSource,
    path: string,
    options: { readonly limit: number; readonly signal: AbortSignal },
  ): Promise<string | undefined>
}

/** What contexts are read with. */
export interface ContextEdges {
  readonly remotes: RemoteReader
  readonly folder: StoreFolder
  /** Standard input, when there is one. */
  readonly stdin: (() => NodeJS.ReadableStream) | undefined
  readonly signal: AbortSignal
}
