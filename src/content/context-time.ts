import type { CompleteOptions } from '../config/options.ts'
import type { Download } from '../source/http.ts'
import { newestFileTime } from './archive-time.ts'
import type { ContextEdges } from './context-types.ts'
import type { TreeSource } from './sources.ts'

/** When a tree was changed, in seconds since the epoch, if that is known. */
export async function timeOfTree(
  tree: TreeSource,
  { remotes, signal }: Pick<ContextEdges, 'remotes' | 'signal'>,
): Promise<number | undefined> {
  if (tree.kind === 'git') return remotes.time(tree, signal)
  if (tree.kind === 'stdin') return newestFileTime(tree.file, signal)
  const { path, download } = await remotes.file(tree, signal)
  return timeOfDownload(download) ?? newestFileTime(path, signal)
}

/** The time of the context that SOURCE_DATE_EPOCH names. */
export async function timeOfNamed(
  { buildContexts, epochOfContext }: CompleteOptions,
  edges: Pick<ContextEdges, 'remotes' | 'signal'>,
): Promise<number | undefined> {
  const named = buildContexts[epochOfContext!]
  return named?.kind === 'remote' ? timeOfTree(named.remote, edges) : undefined
}

/** When a server says that a file was changed, if it does. */
export function timeOfDownload({ lastModified = '' }: Download): number | undefined {
  const time = Date.parse(lastModified)
  return Number.isNaN(time) ? undefined : Math.max(0, Math.floor(time / 1000))
}
