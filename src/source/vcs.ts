import { withoutLogins } from '../dockerfile/show-url.ts'
import { createGitProgram, type GitProgram } from './git-program.ts'

/** What git knows of a folder. */
export interface Revision {
  /** Where the repository came from, without logins; absent: from nowhere. */
  readonly source?: string
  /** The commit; with `-dirty` when it was to be looked whether the folder is as it was committed, and it is not. */
  readonly revision: string
}

/**
 * The commit that a folder is a checkout of; nothing when it is none, or git is not there or does not trust it. The
 * repository may be a stranger's: no program that its configuration names is run, and nobody is asked for objects that
 * it lacks. So files that a filter changes (Git LFS) count as changed when git has to compare them, and changes inside
 * of submodules do not count.
 */
export async function revisionOf(
  folder: string,
  { env, signal }: { readonly env: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): Promise<Revision | undefined> {
  const run = (git: GitProgram, args: readonly string[]) =>
    git(args, { what: 'look at the repository of the context', signal, cwd: folder, transports: 'none' })
  const git = createGitProgram(env)
  const ask = async (...args: string[]) => (await run(git, args)).trim()
  const changesOf = async () => {
    const filters = await run(git, ['config', '-z', '--name-only', '--get-regexp', '^filter\\.']).catch(() => '')
    const args = ['--no-optional-locks', 'status', '--porcelain', '--ignore-submodules=dirty', '--', '.']
    return run(createGitProgram(env, { also: withoutFilters(filters.split('\0')) }), args)
  }
  try {
    const commit = await ask('rev-parse', '--verify', 'HEAD')
    // It takes long in a large folder: only for who asks for it, as with buildx
    const [changes, origin] = await Promise.all([
      isOn(env['BUILDX_GIT_CHECK_DIRTY']) ? changesOf() : '',
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

/** Variables of git that make every filter of `settings` (`filter.NAME.clean` and so on) do nothing. */
function withoutFilters(settings: readonly string[]): Record<string, string> {
  const names = new Set(settings.flatMap((setting) => /^filter\.(.+)\.[^.]+$/is.exec(setting)?.[1] ?? []))
  const off = [...names].flatMap((name) =>
    ['clean=', 'process=', 'required=false'].map((text) => `filter.${name}.${text}`.split(/=(?=[^=]*$)/)),
  )
  return {
    GIT_CONFIG_COUNT: String(off.length),
    ...Object.fromEntries(
      off.flatMap(([key = '', value = ''], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  }
}

function isOn(text: string | undefined): boolean {
  return /^(?:1|t|true)$/i.test(text ?? '')
}
