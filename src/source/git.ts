import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { compact } from '../compact.ts'
import { isCommitId, type GitRemote } from '../dockerfile/git-url.ts'
import { showRemote } from '../dockerfile/remote.ts'
import { XbuildError } from '../errors.ts'
import { createBudget } from './git-budget.ts'
import { GIT_LIMITS, type GitLimits } from './git-limits.ts'
import { TRANSPORTS, type GitProgram } from './git-program.ts'
import { bringSubmodules } from './git-submodules.ts'

/** The one commit that a remote means now. */
export interface GitCommit {
  /** 40 or 64 hexadecimal digits. */
  readonly id: string
  /** The full name it goes by at the remote; absent: it is known by its id only. */
  readonly ref?: string
}

/**
 * Asks the repository which commit is meant; says nothing about whether a commit that was given in full is there. The
 * URL holds no login: whoever runs git has it.
 */
export async function resolveCommit(git: GitProgram, remote: GitRemote, signal: AbortSignal): Promise<GitCommit> {
  const commit = await ask(git, remote, signal)
  if (remote.checksum !== undefined && !commit.id.startsWith(remote.checksum)) {
    throw new XbuildError(
      'DIGEST_MISMATCH',
      `Cannot use "${showRemote(remote)}": it is commit ${commit.id}, the checksum says ${remote.checksum}`,
      {
        hint: 'The branch or tag was moved: check what changed, then correct the checksum',
      },
    )
  }
  return commit
}

async function ask(git: GitProgram, remote: GitRemote, signal: AbortSignal): Promise<GitCommit> {
  const { ref = 'HEAD' } = remote
  if (remote.fetchByCommit) return { id: remote.checksum! }
  if (isCommitId(ref)) return { id: ref.toLowerCase() }
  const what = `read git repository "${showRemote(remote)}"`
  const listed = await git(['ls-remote', '--', remote.url, ref, `${ref}^{}`], {
    what,
    signal,
    transports: transportsOf(remote),
    asks: true,
  })
  const found = new Map(
    listed.split('\n').flatMap((line) => {
      const [, id, name] = /^([0-9a-f]{40,64})\t(.+)$/.exec(line) ?? []
      return id && name ? [[name, id]] : []
    }),
  )
  // As git checkout has it: a branch before a tag of the same name; an annotated tag stands for its commit
  for (const name of [ref, `refs/heads/${ref}`, `refs/tags/${ref}`, `refs/${ref}`]) {
    const id = found.get(`${name}^{}`) ?? found.get(name)
    if (id !== undefined) return { id, ref: name }
  }
  throw new XbuildError('NOT_FOUND', `Cannot ${what}: it has no branch or tag "${ref}"`, {
    hint: /^[0-9a-f]{7,39}$/i.test(ref) ? 'Write the commit id with all its digits' : 'Check its name',
  })
}

/** Who talks to servers of git. */
export interface Gits {
  /** To the one of the repository itself. */
  readonly origin: GitProgram
  /** To those that the repository names, and to nobody when files are written: what it holds is a stranger's. */
  readonly stranger: GitProgram
  /** Throws for a host that submodules may not come from; absent: all may. */
  readonly judge?: (host: string) => Promise<void>
}

export interface CheckOutOptions {
  readonly commit: GitCommit
  readonly folder: string
  readonly signal: AbortSignal
  readonly limits?: Pick<GitLimits, 'entries' | 'depth'>
}

/** Brings the files of a commit into `folder`, which is empty; gives the commit's time, seconds since the epoch. */
export async function checkOut(
  { origin, stranger, judge = async () => undefined }: Gits,
  remote: GitRemote,
  { commit, folder, signal, limits = GIT_LIMITS }: CheckOutOptions,
): Promise<{ time: number }> {
  const what = `check out git repository "${showRemote(remote)}"`
  const budget = createBudget(what, limits)
  const own = { what, signal, cwd: folder, folder, transports: transportsOf(remote) }
  const run: Run = (args, onOutput) => stranger(args, { ...own, ...compact({ onOutput }) })
  const fetch: Run = (args) => origin(['fetch', ...args], own)
  await run(['init', '--quiet', '--template=', ...(commit.id.length === 64 ? ['--object-format=sha256'] : []), '.'])
  await run(['remote', 'add', '--', 'origin', remote.url])
  await fetchCommit({ run, fetch }, remote, commit, what)
  // Folders count, too: those of a tree of trees need no file
  await run(['ls-tree', '-r', '-t', '-z', commit.id], budget.count)
  await run(['checkout', '--quiet', '--force', '--detach', commit.id, '--'])
  if (remote.submodules)
    await bringSubmodules(folder, {
      ...{ judge, budget },
      run: (args, cwd, onOutput) => stranger(args, { ...own, cwd, transports: TRANSPORTS, ...compact({ onOutput }) }),
    })
  const time = Number((await run(['show', '--no-patch', '--format=%ct', commit.id, '--'])).trim())
  await tidy(folder, remote.keepGitDir)
  return { time: Number.isSafeInteger(time) && time > 0 ? time : 0 }
}

type Run = (args: readonly string[], onOutput?: (chunk: Buffer) => void) => Promise<string>

/**
 * From cheap to sure: the one commit, the branch or tag it was found by, everything. Some servers and transports
 * refuse the first.
 */
async function fetchCommit(
  { run, fetch }: { readonly run: Run; readonly fetch: Run },
  { url }: GitRemote,
  { id, ref }: GitCommit,
  what: string,
): Promise<void> {
  const named = ref === undefined ? [] : [`+${ref}:${localName(ref)}`]
  const attempts = [
    ...(ref === undefined
      ? [['--depth=1', '--', url, id]]
      : [
          ['--depth=1', '--', url, ...named],
          ['--depth=1', '--', url, id],
          ['--', url, ...named],
        ]),
    ['--', url, '+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*', '+HEAD:refs/remotes/origin/HEAD'],
  ]
  let failure: unknown
  for (const attempt of attempts) {
    try {
      await fetch(['--quiet', '--no-tags', '--no-recurse-submodules', '--update-head-ok', ...attempt])
      await run(['cat-file', '-e', `${id}^{commit}`])
      return
    } catch (error) {
      const isRefusal = error instanceof XbuildError && ['NOT_FOUND', 'REGISTRY'].includes(error.code)
      if (!isRefusal || error.facts.limit) throw error
      failure = error
    }
  }
  throw new XbuildError('NOT_FOUND', `Cannot ${what}: commit ${id} not found`, {
    cause: failure,
    ...(failure instanceof XbuildError && failure.output ? { output: failure.output } : {}),
    hint: 'Check that the repository has it, in a branch or a tag',
  })
}

function localName(ref: string): string {
  return ref === 'HEAD' || !ref.startsWith('refs/')
    ? 'refs/remotes/origin/HEAD'
    : ref.replace(/^refs\/heads\//, 'refs/remotes/origin/')
}

/** Leaves of git's own files only what was asked for. */
async function tidy(folder: string, keepGitDir: boolean): Promise<void> {
  if (keepGitDir) {
    for (const name of ['FETCH_HEAD', 'ORIG_HEAD', 'logs'])
      await rm(join(folder, '.git', name), { recursive: true, force: true })
    return
  }
  await rm(join(folder, '.git'), { recursive: true, force: true })
  await removeLinks(folder)
}

/** In each submodule `.git` is a file that names a folder which is gone now. */
async function removeLinks(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name === '.git' && entry.isFile()) await rm(join(folder, entry.name))
    else if (entry.isDirectory()) await removeLinks(join(folder, entry.name))
  }
}

function transportsOf({ url }: GitRemote): string {
  return /^file:\/\//i.test(url) ? 'file' : TRANSPORTS
}
