import { withoutLogins } from '../dockerfile/show-url.ts'
import { createGitProgram } from './git-program.ts'

/** What git knows of a folder. */
export interface Revision {
  /** Where the repository came from, without logins; absent: from nowhere. */
  readonly source?: string
  /** The commit; with `-dirty` when it was to be looked whether the folder is as it was committed, and it is not. */
  readonly revision: string
}

/** The commit that a folder is a checkout of; nothing when it is none, or git is not there or does not trust it. */
export async function revisionOf(
  folder: string,
  { env, signal }: { readonly env: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): Promise<Revision | undefined> {
  const git = createGitProgram(env)
  const ask = (...args: string[]) =>
    git(args, { what: 'look at the repository of the context', signal, cwd: folder }).then((text) => text.trim())
  try {
    const commit = await ask('rev-parse', '--verify', 'HEAD')
    // Looking at files runs the filters that a repository sets up: only for who asks for it, as buildx does
    const [changes, origin] = await Promise.all([
      isOn(env['BUILDX_GIT_CHECK_DIRTY']) ? ask('status', '--porcelain', '--', '.') : '',
      ask('config', '--get', 'remote.origin.url').catch(() => ''),
    ])
    return {
      revision: changes === '' ? commit : `${commit}-dirty`,
      ...(origin === '' ? {} : { source: withoutLogins(origin) }),
    }
  } catch (error) {
    if (signal.aborted) throw error
    return undefined
  }
}

function isOn(text: string | undefined): boolean {
  return /^(?:1|t|true)$/i.test(text ?? '')
}
