import { hostOfGit } from '../dockerfile/git-url.ts'
import { openGuardedProxy } from '../host/http/guarded-socks.ts'
import { isLoopback } from '../host/http/loopback.ts'
import { checkName, type Reach } from '../host/http/reach.ts'
import type { Gits } from './git.ts'
import { followsOnHost } from './git-redirect.ts'
import { createGitProgram, type Env } from './git-program.ts'
import { createStrangersGitProgram } from './git-stranger.ts'
import { directSchemes, guardedWay } from './git-ways.ts'
import type { BareUrl } from './logins.ts'

/** On whose behalf git asks servers, and which it may. */
export interface GuardedGitOptions {
  readonly url: BareUrl
  /** The URL is the user's own. */
  readonly byUser: boolean
  readonly agent: string | undefined
  readonly reach: Reach
}

/**
 * Lets `use` run git for one repository. Git follows redirects by itself, and asks for addresses anew: what is
 * done for strangers goes through a proxy that judges each connection, unless git uses one of the user's for it. Throws
 * what it refused.
 */
export async function withGuardedGit<T>(
  env: Env,
  { url, byUser, agent, reach }: GuardedGitOptions,
  use: (gits: Required<Gits>) => Promise<T>,
): Promise<T> {
  const guard = reach === 'all' || directSchemes(env).length === 0 ? undefined : await openGuardedProxy(reach)
  const way = reach === 'all' ? {} : guardedWay(guard?.url, env)
  const strangers = (one: BareUrl) => createStrangersGitProgram(env, { url: one, agent, way })
  const stranger = strangers(url)
  const own = (one: BareUrl) => createGitProgram(env, { url: one })
  const origin = followsOnHost(url, byUser ? own : strangers, { env, reach })
  const itself = hostOfGit(url.url)
  guard?.admit(itself)
  // As a redirect: what is elsewhere leads nowhere into this machine
  const inward = reach === 'all' || isLoopback(itself)
  const judge = async (host: string) => {
    const isOwn = inward || host === itself
    await checkName(host, isOwn ? reach : 'no-loopback')
    if (isOwn) guard?.admit(host)
  }
  try {
    return await use({ origin, stranger, judge })
  } catch (error) {
    throw guard?.refusal() ?? error
  } finally {
    guard?.close()
  }
}
