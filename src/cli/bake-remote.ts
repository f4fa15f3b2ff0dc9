import { resolve } from 'node:path'
import { compact } from '../compact.ts'
import type { BakeFile } from '../config/bake/document.ts'
import type { Origin } from '../config/bake/origin.ts'
import { resolveInRoot } from '../content/in-root.ts'
import { fileNameOf, parseRemote, showRemote, type HttpRemote } from '../dockerfile/remote.ts'
import type { GitRemote } from '../dockerfile/git-url.ts'
import { XbuildError } from '../errors.ts'
import { checkOut, resolveCommit } from '../source/git.ts'
import { createGitProgram } from '../source/git-program.ts'
import { followsOnHost } from '../source/git-redirect.ts'
import { createStrangersGitProgram } from '../source/git-stranger.ts'
import { createDownloader } from '../source/http.ts'
import { gitLogin, withoutLogin, type BareUrl, type ReadSecret } from '../source/logins.ts'
import { withTemporaryFolder } from '../source/temporary.ts'
import { defaultStoreRoot } from '../store/folder.ts'
import { openStore, type Store } from '../store/store.ts'
import { MAX_PROJECT_TEXT, readProjectText } from './project-text.ts'

/** Where a definition lies, and what it is read with. */
export interface RemoteInput {
  /** A git repository, or the URL of one file. */
  readonly url: string
  /** Files in the repository that are asked for. */
  readonly names: readonly string[]
  /** Those that are looked for when none is named. */
  readonly defaults: readonly string[]
  readonly store: string | undefined
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

/** A file, and its path from the folder that paths in it begin in. */
export interface FoundFile extends BakeFile {
  readonly path: string
}

/** A definition that comes over the network. */
export interface RemoteDefinition {
  readonly files: readonly FoundFile[]
  /** The repository; absent: the definition is one file. */
  readonly origin?: Origin
  /** The text of a file beside them, and how messages call it. */
  readonly read: (path: string) => string | undefined
  readonly show: (path: string) => string
}

/**
 * Gives `use` the files of a repository, or the one behind a URL. Nothing that they hold is run, and links in the
 * repository lead nowhere else. Throws NOT_FOUND, BAD_OPTION, REGISTRY, AUTH.
 */
export async function withRemoteDefinition<T>(
  input: RemoteInput,
  use: (found: RemoteDefinition) => Promise<T>,
): Promise<T> {
  const { url, store: root, cwd, env } = input
  const remote = parseRemote(url, { byUser: true })
  if (!remote) throw new XbuildError('BAD_REFERENCE', `Cannot read "${url}": it is not a URL`)
  const store = await openStore(
    root === undefined ? defaultStoreRoot(env, process.geteuid?.() ?? 0) : resolve(cwd, root),
  )
  return remote.kind === 'git' ? inRepository(remote, input, store, use) : use(await oneFile(remote, input, store))
}

// In the words of buildx
const secretOf =
  (env: RemoteInput['env']): ReadSecret =>
  async (id) => {
    const value = env[`BUILDX_BAKE_${id}`]
    return value ? Buffer.from(value) : undefined
  }

async function inRepository<T>(
  remote: GitRemote,
  { url, names, defaults, env, signal }: RemoteInput,
  store: Store,
  use: (found: RemoteDefinition) => Promise<T>,
): Promise<T> {
  const bare = withoutLogin(remote.url)
  const login = bare.login ?? (await gitLogin(bare.url, secretOf(env)))
  const named = { ...bare, ...compact({ login }) }
  const own = (url: BareUrl) => createGitProgram(env, { url })
  const origin = followsOnHost(named, own, { env, reach: 'all' })
  const stranger = createStrangersGitProgram(env, { url: named })
  const wanted = { ...remote, url: bare.url, submodules: false, keepGitDir: false }
  const commit = await resolveCommit(origin, wanted, signal)
  return withTemporaryFolder(store.folder, 'bake', async (folder) => {
    await checkOut({ origin, stranger }, wanted, { commit, folder, signal })
    const root = resolveInRoot(folder, remote.subdir ?? '')
    const base = remote.subdir === undefined ? '' : `${remote.subdir}/`
    const { subdir: _, ...whole } = wanted
    const place = showRemote(whole)
    const show = (path: string) => `${place}${place.includes('#') ? '' : '#'}:${base}${path}`
    const read = (path: string) => readProjectText(resolveInRoot(root, path), show(path))
    const files: FoundFile[] = []
    for (const name of names.length > 0 ? names : defaults) {
      const text = read(name)
      if (text !== undefined) files.push({ name: show(name), text, path: name })
      else if (names.length > 0)
        throw new XbuildError('NOT_FOUND', `Cannot read "${show(name)}": the repository has no such file`, {
          hint: `cwd://${name} is a file of this folder`,
        })
    }
    return use({ files, read, show, origin: { url, commit: commit.id } })
  })
}

async function oneFile(
  remote: HttpRemote,
  { names, env, signal }: RemoteInput,
  store: Store,
): Promise<RemoteDefinition> {
  const [other] = names
  if (other !== undefined)
    throw new XbuildError('BAD_OPTION', `Cannot read "${other}": ${showRemote(remote)} is one file, not a folder`, {
      hint: `cwd://${other} is a file of this folder`,
    })
  const downloader = createDownloader({ store, env })
  try {
    const { digest } = await downloader.download(remote.url, { signal, limit: MAX_PROJECT_TEXT })
    const shown = showRemote(remote)
    const text = readProjectText(store.blobs.path(digest), shown) ?? ''
    if (/[\0\ufffd]/.test(text))
      throw new XbuildError('UNSUPPORTED', `Cannot bake "${shown}": it is an archive, not a text file`, {
        hint: 'Unpack it, and bake in its folder, or name a git repository',
      })
    const path = fileNameOf(remote.url)
    return { files: [{ name: shown, text, path }], read: () => undefined, show: (other) => other }
  } finally {
    downloader.close()
  }
}
