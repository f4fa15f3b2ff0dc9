import { createReadStream } from 'node:fs'
import type { CompleteOptions } from '../config/options.ts'
import { parseRemote, showRemote, type HttpRemote } from '../dockerfile/remote.ts'
import { XbuildError } from '../errors.ts'
import { looksLikeArchive, MAX_DOCKERFILE, readText, type StdinContent } from '../source/stdin.ts'
import type { ContextEdges, DockerfileText } from './context-types.ts'
import type { TreeSource } from './sources.ts'

/** How messages call standard input. */
export const STDIN = '<stdin>'

/** The Dockerfile of `-f -` or `-f URL`. */
export async function namedDockerfile(
  file: string | undefined,
  piped: StdinContent | undefined,
  { remotes, signal }: ContextEdges,
): Promise<DockerfileText | undefined> {
  if (file === '-' && piped?.kind === 'text') return { text: piped.text, shown: STDIN }
  if (file === '-' && piped)
    throw new XbuildError('BAD_OPTION', 'Cannot read a Dockerfile from standard input: it holds an archive', {
      hint: 'Use - as the context to build from an archive',
    })
  const remote = file === undefined ? undefined : parseRemote(file)
  if (remote?.kind !== 'http') return undefined
  const { path } = await remotes.file(remote, signal)
  return { text: await readText(path, showRemote(remote)), shown: showRemote(remote) }
}

/** The text behind a URL that is no archive, given as the context. */
export async function plainDockerfile(
  remote: HttpRemote,
  { file }: Pick<CompleteOptions, 'file'>,
  { remotes, signal }: ContextEdges,
): Promise<string | undefined> {
  const { path } = await remotes.file(remote, signal)
  if (looksLikeArchive(await headOf(path))) return undefined
  if (file !== undefined && file !== '-')
    throw new XbuildError('BAD_OPTION', `Cannot use -f: ${showRemote(remote)} is a Dockerfile, not a context`, {
      hint: 'Leave out -f',
    })
  return readText(path, showRemote(remote))
}

/** The file named, or `Dockerfile`, then `dockerfile`, in a repository or an archive. */
export async function treeDockerfile(
  source: TreeSource,
  file: string | undefined,
  { remotes, signal }: ContextEdges,
): Promise<DockerfileText> {
  const where = source.kind === 'stdin' ? STDIN : showRemote(source)
  const candidates = file === undefined ? ['Dockerfile', 'dockerfile'] : [file]
  for (const path of candidates) {
    const text = await remotes.readText(source, path, { limit: MAX_DOCKERFILE, signal })
    if (text !== undefined) return { text, shown: `${where}:${path}` }
  }
  throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${candidates[0]}" in ${where}: no such file`, {
    hint: 'Name it with -f, relative to the root of the context',
  })
}

async function headOf(file: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of createReadStream(file, { end: 511 })) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
