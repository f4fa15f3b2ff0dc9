import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { compact } from '../compact.ts'
import { resolveInRoot } from '../content/in-root.ts'
import { isArchive } from '../content/is-archive.ts'
import { entryAt, selectSources, type SelectedSource } from '../content/select.ts'
import { hostOfGit, type GitRemote } from '../dockerfile/git-url.ts'
import { showRemote } from '../dockerfile/remote.ts'
import { XbuildError } from '../errors.ts'
import { checkName } from '../host/http/reach.ts'
import { checkOut, resolveCommit } from '../source/git.ts'
import { withGuardedGit } from '../source/guarded-git.ts'
import { gitLogin, withoutLogin } from '../source/logins.ts'
import { withTemporaryFolder } from '../source/temporary.ts'
import { keyOf } from '../store/key.ts'
import type { CopySource } from './protocol.ts'
import type { RemoteFiles } from './remote-files.ts'
import type { RemotesOptions } from './remotes-types.ts'
import type { RemoteVertex } from './vertex.ts'

/** A tree that was found: what it is by content, and how its files come into a folder. */
export interface Located {
  readonly key: string
  /** The id of the commit, or the digest of the archive. */
  readonly revision: string
  /** Gives `copy` the files to copy, and the time of the commit, if they are of one. */
  bring(copy: (source: CopySource, unpack: boolean) => Promise<void>): Promise<number | undefined>
}

/** Asks for what a tree is now; its files come when they are wanted. */
export async function locateRemote(
  { source, byUser }: RemoteVertex,
  { files, ...options }: RemotesOptions & { readonly files: RemoteFiles },
  signal: AbortSignal,
): Promise<Located> {
  if (source.kind === 'git') return locateGit(source, { ...options, byUser: byUser === true }, signal)
  if (source.kind === 'stdin') return archive({ ...source, shown: 'standard input' })
  const { path, download } = await files.file(source, signal)
  return archive({ file: path, digest: download.digest, shown: `"${showRemote(source)}"` })
}

async function locateGit(
  given: GitRemote,
  options: RemotesOptions & { readonly byUser: boolean },
  signal: AbortSignal,
): Promise<Located> {
  const { store, env, secret = async () => undefined, agent, reach = 'all', byUser } = options
  await checkName(hostOfGit(given.url), reach)
  const bare = withoutLogin(given.url)
  const login = bare.login ?? (await gitLogin(bare.url, secret))
  const guarded = { url: { ...bare, ...compact({ login }) }, byUser, agent: await agent?.(), reach }
  const remote = { ...given, url: bare.url }
  const commit = await withGuardedGit(env, guarded, ({ origin }) => resolveCommit(origin, remote, signal))
  const { url, subdir = '', keepGitDir, submodules, mtime } = given
  return {
    key: keyOf(['git', 2, url, commit.id, subdir, keepGitDir, submodules, mtime]),
    revision: commit.id,
    bring: (copy) =>
      withTemporaryFolder(store.folder, 'git', async (folder) => {
        const { time } = await withGuardedGit(env, guarded, (gits) =>
          checkOut(gits, remote, { commit, folder, signal }),
        )
        const root = await subfolder(folder, remote, commit.id)
        const shownTime = mtime === 'commit' ? time : Math.floor(Date.now() / 1000)
        const selected = selectSources(root, ['.']).map((one) => plain(one, shownTime))
        await copy({ kind: 'context', root, selected, checked: false }, false)
        return time
      }),
  }
}

/** The folder of a checkout that its URL names. Throws NOT_FOUND. */
async function subfolder(folder: string, remote: GitRemote, commit: string): Promise<string> {
  const { subdir = '' } = remote
  const root = resolveInRoot(folder, subdir)
  if (await isFolder(root)) return root
  throw new XbuildError('NOT_FOUND', `Cannot use "${showRemote(remote)}": commit ${commit} has no folder "${subdir}"`)
}

function archive({ file, digest, shown }: { file: string; digest: string; shown: string }): Located {
  return {
    key: keyOf(['archive', 1, digest]),
    revision: digest.startsWith('sha256:') ? digest : `sha256:${digest}`,
    async bring(copy) {
      if (!(await isArchive(file)))
        throw new XbuildError('BAD_OPTION', `Cannot use ${shown} as a context: it is not a tar archive`, {
          hint: 'Give a tar archive, plain or packed with gzip, bzip2, xz or zstd',
        })
      const selected = [{ name: basename(file), path: basename(file), isDir: false, entries: [entryAt(file, '')!] }]
      await copy({ kind: 'context', root: dirname(file), selected, checked: false }, true)
      return undefined
    },
  }
}

/** The files of a checkout as every machine makes them: root's, 0644 or 0755, of one time. */
function plain(selected: SelectedSource, time: number): SelectedSource {
  const entries = selected.entries.map((entry) => ({
    ...entry,
    uid: 0,
    gid: 0,
    nlink: 1,
    mtimeMs: time * 1000,
    mode: entry.type === 'file' && (entry.mode & 0o100) === 0 ? 0o644 : entry.type === 'symlink' ? 0o777 : 0o755,
  }))
  return { ...selected, entries }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
