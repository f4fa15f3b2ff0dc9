import { createReadStream } from 'node:fs'
import { mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import type { BuildOptions } from '../../config/options.ts'
import { parseRemote, showRemote, type HttpRemote } from '../../dockerfile/remote.ts'
import { XbuildError } from '../../errors.ts'
import { looksLikeArchive, MAX_DOCKERFILE, readStdin, readText, type StdinContent } from '../../source/stdin.ts'
import { temporaryName } from '../../source/temporary.ts'
import { keyOf } from '../../store/key.ts'
import type { StoreFolder } from '../../store/folder.ts'
import { makeRemoteVertex } from './lower.ts'
import type { Remotes } from './remotes.ts'
import type { Solved } from './solve.ts'
import type { RemoteVertex, TreeSource, Vertex } from './vertex.ts'

/** The build context and the Dockerfile that was found for it. */
export interface MainContext {
  /** What COPY reads from; absent: the folder that the options name. */
  readonly vertex?: Vertex
  readonly dockerfile: DockerfileText
  /** Removes what was kept for the time of the build. */
  close(): Promise<void>
}

export interface DockerfileText {
  readonly text: string
  /** How messages call the file. */
  readonly shown: string
  /** Its full path, when it is a file of this machine: a `.dockerignore` of its own may lie beside it. */
  readonly path?: string
}

export interface MainContextOptions {
  readonly remotes: Remotes
  readonly folder: StoreFolder
  /** Standard input, when there is one. */
  readonly stdin: (() => NodeJS.ReadableStream) | undefined
  /** Target platforms, for progress. */
  readonly platforms: readonly string[]
  readonly signal: AbortSignal
}

/** Finds the context and the Dockerfile of a build: a folder, a repository, an archive, standard input. Throws NOT_FOUND, BAD_OPTION. */
export async function openMainContext(options: BuildOptions, edges: MainContextOptions): Promise<MainContext> {
  const { remotes, folder, signal } = edges
  const scratch = temporaryName(folder, 'stdin')
  const close = () => rm(scratch, { recursive: true, force: true })
  try {
    const piped = options.context === '-' || options.file === '-' ? await takeStdin() : undefined
    if (options.context === '-') return { ...(await fromStdin(piped!)), close }
    if (await isFolder(resolve(options.cwd, options.context))) return { dockerfile: (await namedDockerfile(piped)) ?? (await inFolder(options)), close }
    const remote = parseRemote(options.context, { byUser: true })
    if (!remote) return { dockerfile: await inFolder(options), close }
    const text = remote.kind === 'http' ? await plainDockerfile(remote) : undefined
    if (text === undefined) return { ...(await fromTree(remote, piped)), close }
    return { vertex: NOTHING, dockerfile: (await namedDockerfile(piped)) ?? { text, shown: showRemote(remote) }, close }
  } catch (error) {
    await close()
    throw error
  }

  async function takeStdin(): Promise<StdinContent> {
    if (options.context === '-' && options.file === '-') {
      throw new XbuildError('BAD_OPTION', 'Cannot read both the context and the Dockerfile from standard input', { hint: 'Name a folder as the context, or leave out -f' })
    }
    if (!edges.stdin) throw new XbuildError('BAD_OPTION', 'Cannot read standard input: the caller gave none', { hint: 'Name a folder or a file' })
    await mkdir(scratch, { mode: 0o700 })
    return readStdin(edges.stdin(), { file: join(scratch, 'content'), signal })
  }

  async function fromStdin(piped: StdinContent): Promise<Omit<MainContext, 'close'>> {
    if (piped.kind === 'archive') return fromTree({ kind: 'stdin', file: piped.file, digest: piped.digest })
    const named = await namedDockerfile()
    if (named || options.file !== undefined) {
      throw new XbuildError('BAD_OPTION', 'Cannot use -f: standard input holds a Dockerfile already', { hint: 'Pipe in a tar archive, or leave out -f' })
    }
    return { vertex: NOTHING, dockerfile: { text: piped.text, shown: STDIN } }
  }

  async function fromTree(source: TreeSource, piped?: StdinContent): Promise<Omit<MainContext, 'close'>> {
    const vertex = makeRemoteVertex(keepingGitDir(source, options), { context: 'context', platforms: new Set(edges.platforms) })
    const named = await namedDockerfile(piped)
    if (named) return { vertex, dockerfile: named }
    return { vertex, dockerfile: await inTree(vertex, await remotes.tree(vertex, signal)) }
  }

  async function inTree({ source }: RemoteVertex, tree: Solved): Promise<DockerfileText> {
    const where = source.kind === 'stdin' ? STDIN : showRemote(source)
    const candidates = options.file === undefined ? ['Dockerfile', 'dockerfile'] : [options.file]
    for (const path of candidates) {
      const text = await remotes.readText(tree, path, { limit: MAX_DOCKERFILE, signal })
      if (text !== undefined) return { text, shown: `${where}:${path}` }
    }
    throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${candidates[0]}" in ${where}: no such file`, { hint: 'Name it with -f, relative to the root of the context' })
  }

  /** The Dockerfile of `-f -` or `-f URL`. */
  async function namedDockerfile(piped?: StdinContent): Promise<DockerfileText | undefined> {
    if (piped?.kind === 'text') return { text: piped.text, shown: STDIN }
    if (piped) throw new XbuildError('BAD_OPTION', 'Cannot read a Dockerfile from standard input: it holds an archive', { hint: 'Use - as the context to build from an archive' })
    const remote = options.file === undefined ? undefined : parseRemote(options.file)
    if (remote?.kind !== 'http') return undefined
    const { path } = await remotes.file(remote, signal)
    return { text: await readText(path, showRemote(remote)), shown: showRemote(remote) }
  }

  /** The text behind a URL that is no archive. */
  async function plainDockerfile(remote: HttpRemote): Promise<string | undefined> {
    const { path } = await remotes.file(remote, signal)
    if (looksLikeArchive(await headOf(path))) return undefined
    if (options.file !== undefined && options.file !== '-') throw new XbuildError('BAD_OPTION', `Cannot use -f: ${showRemote(remote)} is a Dockerfile, not a context`, { hint: 'Leave out -f' })
    return readText(path, showRemote(remote))
  }
}

const STDIN = '<stdin>'
/** The context when there is none. */
const NOTHING: Vertex = { kind: 'scratch', id: keyOf(['scratch']) }

function keepingGitDir(source: TreeSource, { buildArgs }: BuildOptions): TreeSource {
  const keep = /^(1|t|true)$/i.test(buildArgs['BUILDKIT_CONTEXT_KEEP_GIT_DIR'] ?? '')
  return source.kind === 'git' && keep ? { ...source, keepGitDir: true } : source
}

/** The file named, or `Dockerfile`, then `dockerfile`, in the context. */
async function inFolder(options: BuildOptions): Promise<DockerfileText> {
  const context = resolve(options.cwd, options.context)
  const candidates = options.file === undefined ? [join(context, 'Dockerfile'), join(context, 'dockerfile')] : [resolve(options.cwd, options.file)]
  for (const path of candidates) {
    try {
      const shown = relative(options.cwd, path)
      return { text: await readFile(path, 'utf8'), shown: shown.startsWith('..') ? path : shown, path }
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') continue
      throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${path}": ${code === 'EISDIR' ? 'it is a folder' : message}`, { cause, hint: 'Name the file with -f' })
    }
  }
  throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${candidates[0]}": no such file`, { hint: 'Name it with -f, or give the folder that holds it' })
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isDirectory(), () => false)
}

async function headOf(file: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of createReadStream(file, { end: 511 })) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
