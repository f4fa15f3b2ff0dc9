import { compact } from '../compact.ts'
import { execFamily } from '../host/exec-family.ts'
import { crashed, notStarted, refused } from './git-failure.ts'
import { GIT_LIMITS, watchOf, withMemoryLimit, type GitLimits } from './git-limits.ts'
import type { BareUrl } from './logins.ts'

/** Runs the git program of this machine on behalf of a repository that nobody trusts. */
export interface GitProgram {
  /** Its stdout; throws when it fails. `what` follows "Cannot" in messages. */
  (
    args: readonly string[],
    options: {
      readonly what: string
      readonly signal: AbortSignal
      readonly cwd?: string
      readonly transports?: string
      /** It writes there. */
      readonly folder?: string
      /** Only asks what there is. */
      readonly asks?: boolean
      readonly onOutput?: (chunk: Buffer) => void
    },
  ): Promise<string>
}

/**
 * Ways to a repository that a URL may name, as git lists them. Never `ext` (any command) nor, but for the user's own
 * path, `file`.
 */
export const TRANSPORTS = 'https:http:ssh:git'

/**
 * What git itself calls local to a repository: set by whoever runs xbuild from a git hook, and wrong for another
 * repository.
 */
const LOCAL_VARIABLES = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_CONFIG',
  'GIT_CONFIG_PARAMETERS',
  'GIT_CONFIG_COUNT',
  'GIT_OBJECT_DIRECTORY',
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_GRAFT_FILE',
  'GIT_INDEX_FILE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_REPLACE_REF_BASE',
  'GIT_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_COMMON_DIR',
  'GIT_NAMESPACE',
  'GIT_TEMPLATE_DIR',
  'GIT_EXTERNAL_DIFF',
  'GIT_TRACE',
]

/**
 * Settings that hold whatever the user's own configuration says: no hooks, the same bytes everywhere, no program that
 * watches or packs.
 */
const SETTINGS = [
  'protocol.ext.allow=never',
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.autocrlf=false',
  'core.eol=lf',
  'core.symlinks=true',
  'core.fileMode=true',
  'core.protectHFS=true',
  'core.protectNTFS=true',
  'http.lowSpeedLimit=1',
  'http.lowSpeedTime=60',
  'gc.auto=0',
  'maintenance.auto=false',
  'advice.detachedHead=false',
  'submodule.recurse=false',
]

/**
 * Git as the user set it up (credentials, keys, proxies), but it asks nothing and runs nothing that a repository
 * brings. For what the user named; a login of a URL wins over the user's own.
 */
export function createGitProgram(env: Env, { url, also = {} }: GitSettings = {}): GitProgram {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !LOCAL_VARIABLES.includes(name)))
  return gitWith({
    ...kept,
    ...ASKS_NOBODY,
    GIT_SSH_COMMAND: env['GIT_SSH_COMMAND'] || (env['GIT_SSH'] ? undefined : 'ssh -o BatchMode=yes'),
    ...(url ? variablesOf(settingsOf(url)) : {}),
    ...also,
  })
}

/** What one use of git has of its own. */
export interface GitSettings {
  /** Whose login is used. */
  readonly url?: BareUrl
  /** More variables. */
  readonly also?: Env
}

/** Variables of the environment. */
export type Env = Readonly<Record<string, string | undefined>>

/** Nobody is there to answer. */
export const ASKS_NOBODY = {
  LC_ALL: 'C',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '', // set and empty: git asks no other program either
  SSH_ASKPASS_REQUIRE: 'never',
  GIT_ADVICE: '0',
}

/** Git in the environment `own`. */
export function gitWith(own: Env, limits: GitLimits = GIT_LIMITS): GitProgram {
  const settings = SETTINGS.flatMap((setting) => ['-c', setting])
  return async (args, { what, signal, cwd, transports = TRANSPORTS, folder, asks = false, onOutput }) => {
    const memory = asks ? limits.askingMemory : limits.memory
    const ended = await execFamily(...withMemoryLimit('git', [...settings, ...args], memory), {
      signal,
      env: { ...own, GIT_ALLOW_PROTOCOL: transports },
      watch: watchOf(what, { silence: limits.silence, folder }),
      ...compact({ cwd, onOutput }),
    }).catch((error: unknown) => {
      throw crashed(what, error)
    })
    if (ended.exitCode === 0) return ended.stdout
    if (ended.exitCode === NOT_FOUND) throw notStarted(what)
    throw refused(what, ended.stderr || ended.stdout)
  }
}

/** How a shell ends that finds no such program. */
const NOT_FOUND = 127

/**
 * The login of a URL as settings. Git would send it to whatever host a redirect names: there are none for what has a
 * login.
 */
export function settingsOf({ url, login, username }: BareUrl): GitSetting[] {
  if (login)
    return [
      [`http.${login.scope}.extraheader`, `Authorization: ${login.authorization}`],
      [`http.${login.scope}.followRedirects`, 'false'],
    ]
  if (username === undefined) return []
  return [
    [`credential.${url}.username`, username],
    [`http.${url}.followRedirects`, 'false'],
  ]
}

/** A name and a value of git's configuration. */
export type GitSetting = readonly [name: string, value: string]

/** Settings as variables: arguments are seen by everybody on the machine. */
export function variablesOf(settings: readonly GitSetting[]): Record<string, string> {
  const pairs = settings.flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, name],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  return Object.fromEntries([['GIT_CONFIG_COUNT', String(settings.length)], ...pairs]) as Record<string, string>
}
