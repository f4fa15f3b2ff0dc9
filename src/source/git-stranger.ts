import { userInfo } from 'node:os'
import { join } from 'node:path'
import { compact } from '../compact.ts'
import { ASKS_NOBODY, gitWith, settingsOf, variablesOf, type Env, type GitProgram } from './git-program.ts'
import type { GitLimits } from './git-limits.ts'
import type { GitWay } from './git-ways.ts'
import type { BareUrl } from './logins.ts'

/**
 * Git that knows nothing of the user: no configuration, no keys, no credentials but the login of `url` and the agent
 * behind the socket `agent`. For what a Dockerfile or a repository names.
 */
export function createStrangersGitProgram(env: Env, { url, agent, way = {}, limits }: StrangersGit = {}): GitProgram {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => OF_THE_MACHINE.test(name)))
  const own = {
    ...kept,
    ...ASKS_NOBODY,
    HOME: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_SSH_COMMAND: strangersSsh(),
    ...compact({ SSH_AUTH_SOCK: agent }),
    ...way.variables,
    ...variablesOf([...(url ? settingsOf(url) : []), ...(way.settings ?? [])]),
  }
  return gitWith(own, limits)
}

/** What one use of git for strangers has of its own. */
export interface StrangersGit {
  readonly url?: BareUrl
  readonly agent?: string | undefined
  /** How servers are reached by http; absent: as the machine reaches them. */
  readonly way?: GitWay
  readonly limits?: GitLimits
}

/** Where programs are, how the network is reached, whom TLS trusts: nothing that says who the user is. */
const OF_THE_MACHINE =
  /^(?:PATH|TMPDIR|LD_LIBRARY_PATH|GIT_EXEC_PATH|GIT_SSL_CAINFO|GIT_SSL_CAPATH|SSL_CERT_FILE|SSL_CERT_DIR|(?:https?|all|no)_proxy)$/i

/**
 * As BuildKit does, a host that nobody knows is taken as it comes; a known one must have its key. Nothing is written
 * down. `ssh` finds the user's files by the user's id, whatever HOME says: each kind has to be ruled out.
 */
function strangersSsh(): string {
  const known = [...homes().map((home) => join(home, '.ssh/known_hosts')), '/etc/ssh/ssh_known_hosts']
  const options = [
    'BatchMode=yes',
    'IdentityFile=none',
    'StrictHostKeyChecking=accept-new',
    'UserKnownHostsFile=/dev/null',
    `GlobalKnownHostsFile=${known.map((path) => `"${path}"`).join(' ')}`,
    'UpdateHostKeys=no',
    'LogLevel=ERROR',
  ]
  return ['ssh', '-F', '/dev/null', ...options.flatMap((option) => ['-o', shellWord(option)])].join(' ')
}

/** Where `ssh` looks; an id without a user has none. */
function homes(): string[] {
  try {
    return [userInfo().homedir]
  } catch {
    return []
  }
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
