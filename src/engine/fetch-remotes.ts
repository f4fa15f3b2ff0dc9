import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { compact } from '../compact.ts'
import { fileNameOf, showRemote, type HttpRemote } from '../dockerfile/remote.ts'
import { hostOfGit, type GitRemote } from '../dockerfile/git-url.ts'
import { XbuildError } from '../errors.ts'
import { checkName } from '../host/http/reach.ts'
import { checkOut, resolveCommit } from '../source/git.ts'
import { withGuardedGit } from '../source/guarded-git.ts'
import { createDownloader, type Download } from '../source/http.ts'
import { gitLogin, withoutLogin } from '../source/logins.ts'
import { withTemporaryFolder } from '../source/temporary.ts'
import { keyOf } from '../store/key.ts'
import { resolveInRoot } from '../content/in-root.ts'
import { newSnapshotId } from './layers.ts'
import type { Layer } from '../content/layer-chain.ts'
import type { CopySource } from './protocol.ts'
import { entryAt, selectSources, type SelectedSource } from '../content/select.ts'
import type { Remotes, RemotesOptions } from './remotes-types.ts'
import type { Solved } from './solved.ts'
import { locateError, stepStart } from './step-events.ts'
import type { RemoteVertex } from './vertex.ts'
import { isArchive } from '../content/is-archive.ts'

/** What the store remembers of a tree. */
interface TreeRecord {
  readonly layer: Layer
  readonly created: string
  readonly time?: number
}

/** A tree that was found: what it is by content, and how its files come into a folder. */
interface Located {
  readonly key: string
  /** The id of the commit, or the digest of the archive. */
  readonly revision: string
  /** Gives `copy` the files to copy, and the time of the commit, if they are of one. */
  bring(copy: (source: CopySource, unpack: boolean) => Promise<void>): Promise<number | undefined>
}

/** Brings repositories, archives and files from where they are. See `remotes.ts`. */
export function fetchRemotes({
  store,
  workers,
  layers,
  env,
  emit,
  secret = async () => undefined,
  agent = async () => undefined,
  reach = 'all',
}: RemotesOptions): Remotes {
  const downloader = createDownloader({ store, env, secret, reach })
  const trees = new Map<string, Promise<Solved>>()
  const files = new Map<string, Promise<{ path: string; download: Download }>>()

  async function makeTree(vertex: RemoteVertex, signal: AbortSignal): Promise<Solved> {
    const step = vertex.id
    emit(stepStart(vertex))
    try {
      const { key, revision, bring } = await locate(vertex, signal)
      const known = await store.records.get<TreeRecord>('trees', key)
      const cached = known !== undefined && (await layers.isThere(known.layer))
      const made = cached ? known : await makeLayer(bring, signal)
      if (!cached) await store.records.put('trees', key, made satisfies TreeRecord)
      emit({ type: 'step.done', step, cached, at: Date.now() })
      const time = made.time === undefined ? {} : { time: made.time }
      return { key, layers: [made.layer], created: made.created, revision, ...time }
    } catch (thrown) {
      const error = locateError(thrown, vertex, signal)
      emit({ type: 'step.fail', step, error, at: Date.now() })
      throw error
    }
  }

  async function makeLayer(bring: Located['bring'], signal: AbortSignal): Promise<TreeRecord> {
    const id = newSnapshotId()
    const worker = await workers.files()
    let layer: Layer = { id, empty: true }
    const time = await bring(async (source, unpack) => {
      const { empty, contentKey } = await worker.call(
        'copy',
        { id, lowers: [], source, inline: [], dest: '/', unpack },
        { signal },
      )
      layer = { id, empty, ...(contentKey ? { contentKey } : {}) }
    })
    return { layer, created: new Date().toISOString(), ...compact({ time }) }
  }

  function locate({ source, byUser }: RemoteVertex, signal: AbortSignal): Promise<Located> | Located {
    if (source.kind === 'git') return locateGit(source, byUser === true, signal)
    if (source.kind === 'stdin') return archive({ ...source, shown: 'standard input' })
    return locateDownload(source, signal)
  }

  async function locateGit(given: GitRemote, byUser: boolean, signal: AbortSignal): Promise<Located> {
    await checkName(hostOfGit(given.url), reach)
    const bare = withoutLogin(given.url)
    const login = bare.login ?? (await gitLogin(bare.url, secret))
    const named = { ...bare, ...compact({ login }) }
    const guarded = { url: named, byUser, agent: await agent(), reach }
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
          const root = resolveInRoot(folder, subdir)
          if (!(await isFolder(root)))
            throw new XbuildError(
              'NOT_FOUND',
              `Cannot use "${showRemote(remote)}": commit ${commit.id} has no folder "${subdir}"`,
            )
          const selected = selectSources(root, ['.']).map((one) =>
            plain(one, mtime === 'commit' ? time : Math.floor(Date.now() / 1000)),
          )
          await copy({ kind: 'context', root, selected, checked: false }, false)
          return time
        }),
    }
  }

  async function locateDownload(remote: HttpRemote, signal: AbortSignal): Promise<Located> {
    const { path, download } = await file(remote, signal)
    return archive({ file: path, digest: download.digest, shown: `"${showRemote(remote)}"` })
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

  function file(remote: HttpRemote, signal: AbortSignal): Promise<{ path: string; download: Download }> {
    const key = `${remote.checksum ?? ''} ${remote.url}`
    const known = files.get(key) ?? fetchFile(remote, signal)
    files.set(key, known)
    return known
  }

  async function fetchFile(remote: HttpRemote, signal: AbortSignal): Promise<{ path: string; download: Download }> {
    const id = showRemote(remote)
    const report = (current: number, total?: number, done = false) =>
      emit({
        type: 'transfer',
        id,
        name: fileNameOf(remote.url),
        current,
        ...compact({ total }),
        ...(done ? { done } : {}),
        at: Date.now(),
      })
    let moved = false
    const onProgress = (current: number, total?: number) => {
      moved = true
      report(current, total)
    }
    const download = await downloader.download(remote.url, {
      signal,
      onProgress,
      ...(remote.checksum ? { checksum: remote.checksum } : {}),
    })
    if (moved) report(download.size, download.size, true)
    return { path: store.blobs.path(download.digest), download }
  }

  return {
    tree(vertex, signal) {
      const known = trees.get(vertex.id) ?? makeTree(vertex, signal)
      trees.set(vertex.id, known)
      return known
    },
    file,
    async digest(tree, { sources, excludes }, signal) {
      const key = keyOf(['digest', tree.key, sources, excludes])
      const known = await store.records.get<{ digest: string }>('digests', key)
      if (known) return known.digest
      const lowers = await layers.unpacked(tree.layers, signal)
      const worker = await workers.files()
      const found = await worker.call('digest', { lowers, sources, excludes }, { signal })
      await store.records.put('digests', key, found)
      return found.digest
    },
    async readText(tree, path, { limit, signal }) {
      const key = keyOf(['text', tree.key, path])
      const known = await store.records.get<{ text: string }>('texts', key)
      if (known) return known.text
      const lowers = await layers.unpacked(tree.layers, signal)
      const worker = await workers.files()
      const { text } = await worker.call('readFile', { lowers, path, limit }, { signal })
      if (text !== undefined) await store.records.put('texts', key, { text })
      return text
    },
    close: () => downloader.close(),
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
