import { mkdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { compact } from '../compact.ts'
import type { CompleteOptions } from '../config/options.ts'
import { parseRemote, showRemote, type HttpRemote } from '../dockerfile/remote.ts'
import { XbuildError } from '../errors.ts'
import { readStdin, type StdinContent } from '../source/stdin.ts'
import { timeOfDownload, timeOfTree } from './context-time.ts'
import type { ContextEdges, DockerfileText } from './context-types.ts'
import { folderDockerfile } from './folder-dockerfile.ts'
import { namedDockerfile, plainDockerfile, STDIN, treeDockerfile } from './remote-dockerfile.ts'
import type { TreeSource } from './sources.ts'

/** A context, and how Dockerfiles are read in it. */
export interface FoundContext {
  /** Absent: the folder that the options name. */
  readonly source?: TreeSource | { readonly kind: 'scratch' }
  readonly dockerfile: (file: string | undefined) => Promise<DockerfileText>
  readonly time?: () => Promise<number | undefined>
}

/** The context when there is none. */
const NOTHING = { kind: 'scratch' } as const

/** What the options name; `scratch` is a folder for what comes from standard input. */
export async function findContext(
  options: CompleteOptions,
  edges: ContextEdges & { readonly scratch: string },
): Promise<FoundContext> {
  const { context, cwd } = options
  const piped = context === '-' || options.file === '-' ? await takeStdin(options, edges) : undefined
  if (context === '-') return fromStdin(piped!, options, edges)
  const remote = (await isFolder(resolve(cwd, context))) ? undefined : parseRemote(context, { byUser: true })
  if (!remote) return fromFolder(piped, options, edges)
  const text = remote.kind === 'http' ? await plainDockerfile(remote, options, edges) : undefined
  if (text === undefined) return fromTree(keepingGitDir(remote, options), piped, edges)
  return {
    source: NOTHING,
    dockerfile: async (file) => (await namedDockerfile(file, piped, edges)) ?? { text, shown: showRemote(remote) },
    time: async () => timeOfDownload((await edges.remotes.file(remote as HttpRemote, edges.signal)).download),
  }
}

async function takeStdin(
  { context, file }: CompleteOptions,
  { stdin, scratch, signal }: ContextEdges & { readonly scratch: string },
): Promise<StdinContent> {
  if (context === '-' && file === '-') {
    throw new XbuildError('BAD_OPTION', 'Cannot read both the context and the Dockerfile from standard input', {
      hint: 'Name a folder as the context, or leave out -f',
    })
  }
  if (!stdin)
    throw new XbuildError('BAD_OPTION', 'Cannot read standard input: there is no standard input', {
      hint: 'Name a folder or a file',
    })
  await mkdir(scratch, { mode: 0o700 })
  return readStdin(stdin(), { file: join(scratch, 'content'), signal })
}

function fromStdin(piped: StdinContent, options: CompleteOptions, edges: ContextEdges): FoundContext {
  if (piped.kind === 'archive')
    return fromTree(keepingGitDir({ kind: 'stdin', file: piped.file, digest: piped.digest }, options), piped, edges)
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

function fromFolder(piped: StdinContent | undefined, options: CompleteOptions, edges: ContextEdges): FoundContext {
  return {
    dockerfile: async (file) =>
      (await namedDockerfile(file, piped, edges)) ?? folderDockerfile({ ...options, ...compact({ file }) }),
  }
}

function fromTree(source: TreeSource, piped: StdinContent | undefined, edges: ContextEdges): FoundContext {
  return {
    source,
    dockerfile: async (file) => (await namedDockerfile(file, piped, edges)) ?? treeDockerfile(source, file, edges),
    time: () => timeOfTree(source, edges),
  }
}

function keepingGitDir(source: TreeSource, { buildArgs }: CompleteOptions): TreeSource {
  const keep = /^(1|t|true)$/i.test(buildArgs['BUILDKIT_CONTEXT_KEEP_GIT_DIR'] ?? '')
  return source.kind === 'git' && keep ? { ...source, keepGitDir: true } : source
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
