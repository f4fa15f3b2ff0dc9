import type { NamedContext } from '../config/options.ts'
import type { GitRemote } from '../dockerfile/git-url.ts'
import type { HttpRemote } from '../dockerfile/remote.ts'

/**
 * What a remote file system is made of: a repository, an archive behind a URL, or one that was piped in (`digest`:
 * hex SHA-256 of the file).
 */
export type TreeSource =
  | GitRemote
  | HttpRemote
  | { readonly kind: 'stdin'; readonly file: string; readonly digest: string }

/** A folder of this machine that is a context. */
export interface FolderSource {
  readonly kind: 'folder'
  /** Absolute. */
  readonly path: string
  /** A `.dockerignore` that wins over the folder's: each Dockerfile may have its own. */
  readonly ignoreFile?: string
}

/** The file system that a `--build-context` is when it comes from elsewhere and is no image. */
export function treeOf(context: NamedContext | undefined): TreeSource | undefined {
  return context?.kind === 'remote' ? context.remote : undefined
}
