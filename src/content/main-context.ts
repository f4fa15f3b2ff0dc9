import { createReadStream } from 'node:fs'
import { mkdir, realpath, rm, stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { compact } from '../compact.ts'
import type { CompleteOptions } from '../config/options.ts'
import { parseRemote, showRemote, type HttpRemote } from '../dockerfile/remote.ts'
import { XbuildError } from '../errors.ts'
import { looksLikeArchive, MAX_DOCKERFILE, readStdin, readText, type StdinContent } from '../source/stdin.ts'
import { readTextFile } from '../source/text-file.ts'
import type { Download } from '../source/http.ts'
import { temporaryName } from '../source/temporary.ts'
import type { StoreFolder } from '../store/folder.ts'
import { newestFileTime } from './archive-time.ts'
import type { TreeSource } from './sources.ts'

/** The build context and the Dockerfiles in it. */
export interface MainContext {
  /** What COPY reads from; absent: the folder that the options name. */
  readonly source?: TreeSource | { readonly kind: 'scratch' }
  /** Whether git may use the user's own keys and logins for it. */
  readonly byUser: boolean
  /**
   * The Dockerfile that `-f` would name so; without a name the one that the options say. Read once. Throws NOT_FOUND,
   * BAD_OPTION.
   */
  dockerfile(file?: string): Promise<DockerfileText>
  /**
   * What SOURCE_DATE_EPOCH=context, or the name of another context, stands for, in seconds since the epoch: when the
   * commit of a repository was made, a download was changed, or the newest file of an archive was; folders, images and
   * a Dockerfile alone have no time.
   */
  time(): Promise<number | undefined>
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

export interface MainContextOptions {
  readonly remotes: RemoteReader
  readonly folder: StoreFolder
  /** Standard input, when there is one. */
  readonly stdin: (() => NodeJS.ReadableStream) | undefined
  readonly signal: AbortSignal
}

/** Finds the context of a build: a folder, a repository, an archive, standard input. Throws NOT_FOUND, BAD_OPTION. */
export async function openMainContext(options: CompleteOptions, edges: MainContextOptions): Promise<MainContext> {
  const { remotes, folder, signal } = edges
  const scratch = temporaryName(folder, 'stdin')
  const close = () => rm(scratch, { recursive: true, force: true })
  const texts = new Map<string | undefined, Promise<DockerfileText>>()
  try {
    const { source, dockerfile, time = async () => undefined } = await find()
    return {
      ...compact({ source }),
      byUser: !options.projectContext,
      dockerfile(file = options.file) {
        const text = texts.get(file) ?? (file === undefined ? inline(options) : undefined) ?? dockerfile(file)
        texts.set(file, text)
        return text
      },
      time: options.epochOfContext === undefined || options.epochOfContext === 'context' ? time : timeOfNamed,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }

  async function find(): Promise<Found> {
    const piped = options.context === '-' || options.file === '-' ? await takeStdin() : undefined
    if (options.context === '-') return fromStdin(piped!)
    const besideTheContext = async (file: string | undefined) =>
      (await namedDockerfile(file, piped)) ?? inFolder({ ...options, ...compact({ file }) })
    if (await isFolder(resolve(options.cwd, options.context))) return { dockerfile: besideTheContext }
    const remote = parseRemote(options.context, { byUser: true })
    if (!remote) return { dockerfile: besideTheContext }
    const text = remote.kind === 'http' ? await plainDockerfile(remote) : undefined
    if (text === undefined) return fromTree(remote, piped)
    return {
      source: NOTHING,
      dockerfile: async (file) => (await namedDockerfile(file, piped)) ?? { text, shown: showRemote(remote) },
      time: async () => timeOfDownload((await remotes.file(remote as HttpRemote, signal)).download),
    }
  }

  async function takeStdin(): Promise<StdinContent> {
    if (options.context === '-' && options.file === '-') {
      throw new XbuildError('BAD_OPTION', 'Cannot read both the context and the Dockerfile from standard input', {
        hint: 'Name a folder as the context, or leave out -f',
      })
    }
    if (!edges.stdin)
      throw new XbuildError('BAD_OPTION', 'Cannot read standard input: there is no standard input', {
        hint: 'Name a folder or a file',
      })
    await mkdir(scratch, { mode: 0o700 })
    return readStdin(edges.stdin(), { file: join(scratch, 'content'), signal })
  }

  function fromStdin(piped: StdinContent): Found {
    if (piped.kind === 'archive') return fromTree({ kind: 'stdin', file: piped.file, digest: piped.digest })
    return {
      source: NOTHING,
      async dockerfile(file) {
        if (file !== undefined)
          throw new XbuildError('BAD_OPTION', 'Cannot use -f: standard input holds a Dockerfile already', {
            hint: 'Pipe in a tar archive, or leave out -f',
          })
        return { text: piped.text, shown: STDIN }
      },
    }
  }

  function fromTree(source: TreeSource, piped?: StdinContent): Found {
    const tree = keepingGitDir(source, options)
    return {
      source: tree,
      dockerfile: async (file) => (await namedDockerfile(file, piped)) ?? inTree(tree, file),
      time: () => timeOfTree(tree),
    }
  }

  async function timeOfTree(tree: TreeSource): Promise<number | undefined> {
    if (tree.kind === 'git') return remotes.time(tree, signal)
    if (tree.kind === 'stdin') return newestFileTime(tree.file, signal)
    const { path, download } = await remotes.file(tree, signal)
    return timeOfDownload(download) ?? newestFileTime(path, signal)
  }

  async function timeOfNamed(): Promise<number | undefined> {
    const named = options.buildContexts[options.epochOfContext!]
    return named?.kind === 'remote' ? timeOfTree(named.remote) : undefined
  }

  async function inTree(source: TreeSource, file: string | undefined): Promise<DockerfileText> {
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

  /** The Dockerfile of `-f -` or `-f URL`. */
  async function namedDockerfile(file: string | undefined, piped?: StdinContent): Promise<DockerfileText | undefined> {
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

  /** The text behind a URL that is no archive. */
  async function plainDockerfile(remote: HttpRemote): Promise<string | undefined> {
    const { path } = await remotes.file(remote, signal)
    if (looksLikeArchive(await headOf(path))) return undefined
    if (options.file !== undefined && options.file !== '-')
      throw new XbuildError('BAD_OPTION', `Cannot use -f: ${showRemote(remote)} is a Dockerfile, not a context`, {
        hint: 'Leave out -f',
      })
    return readText(path, showRemote(remote))
  }
}

/** A Dockerfile that the options hold. */
function inline({ inlineDockerfile }: CompleteOptions): Promise<DockerfileText> | undefined {
  return inlineDockerfile && Promise.resolve({ text: inlineDockerfile.text, shown: inlineDockerfile.name })
}

/** A context, and how Dockerfiles are read in it. */
interface Found {
  readonly source?: MainContext['source']
  readonly dockerfile: (file: string | undefined) => Promise<DockerfileText>
  readonly time?: () => Promise<number | undefined>
}

const STDIN = '<stdin>'
/** The context when there is none. */
const NOTHING = { kind: 'scratch' } as const

/** When a server says that a file was changed, if it does. */
function timeOfDownload({ lastModified = '' }: Download): number | undefined {
  const time = Date.parse(lastModified)
  return Number.isNaN(time) ? undefined : Math.max(0, Math.floor(time / 1000))
}

function keepingGitDir(source: TreeSource, { buildArgs }: CompleteOptions): TreeSource {
  const keep = /^(1|t|true)$/i.test(buildArgs['BUILDKIT_CONTEXT_KEEP_GIT_DIR'] ?? '')
  return source.kind === 'git' && keep ? { ...source, keepGitDir: true } : source
}

/** The file named, or `Dockerfile`, then `dockerfile`, in the context. */
async function inFolder(options: CompleteOptions): Promise<DockerfileText> {
  const context = resolve(options.cwd, options.context)
  const candidates =
    options.file === undefined
      ? [join(context, 'Dockerfile'), join(context, 'dockerfile')]
      : [resolve(options.cwd, options.file)]
  for (const path of candidates) {
    try {
      await checkPlace(path, context)
      const shown = relative(options.cwd, path)
      return { text: await readTextFile(path), shown: shown.startsWith('..') ? path : shown, path }
    } catch (cause) {
      if (cause instanceof XbuildError) throw cause
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') continue
      throw new XbuildError(
        'NOT_FOUND',
        `Cannot read the Dockerfile "${path}": ${code === 'EISDIR' ? 'it is a folder' : message}`,
        { cause, hint: 'Name the file with -f' },
      )
    }
  }
  throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${candidates[0]}": no such file`, {
    hint: 'Name it with -f, or give the folder that holds it',
  })
}

/**
 * A Dockerfile of the context must be a file in it: errors show its lines, and a link of whoever made the context may
 * lead to what nobody should see. Throws OUTSIDE_CONTEXT.
 */
async function checkPlace(path: string, context: string): Promise<void> {
  const [real, root] = await Promise.all([realpath(path), realpath(context).catch(() => context)])
  const inside = (name: string, folder: string) => !relative(folder, name).split('/').includes('..')
  if (inside(path, context) && !inside(real, root))
    throw new XbuildError(
      'OUTSIDE_CONTEXT',
      `Cannot read the Dockerfile "${path}": it is a symbolic link to a path outside of the context`,
      {
        hint: `Name the file itself with -f`,
      },
    )
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function headOf(file: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of createReadStream(file, { end: 511 })) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
