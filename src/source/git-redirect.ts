import { XbuildError } from '../errors.ts'
import { createAgents } from '../host/http/agents.ts'
import type { Reach } from '../host/http/reach.ts'
import { createHttp, type SendHttp } from '../host/http/send.ts'
import type { Env, GitProgram } from './git-program.ts'
import { discard } from './http-failure.ts'
import type { BareUrl } from './logins.ts'

/** Redirects that are followed: servers name a repository in two ways or three. */
const MOST = 5
const IDLE = 60_000
/** What git asks a server first. */
const ASKED = '/info/refs'
const SERVICE = '?service=git-upload-pack'

/** What asks servers where a repository is. */
export interface RedirectEdges {
  readonly env: Env
  readonly reach: Reach
}

/**
 * Git for a repository that needs a login, with which git itself follows no redirects: it would send the login wherever
 * they lead. When the server sends git to another path on the same scheme, host and port, as GitLab does from
 * `/group/project` to `/group/project.git`, git asks there.
 */
export function followsOnHost(url: BareUrl, make: (url: BareUrl) => GitProgram, edges: RedirectEdges): GitProgram {
  const git = make(url)
  if (!url.login) return git
  let moved: Promise<BareUrl | undefined> | undefined
  return async (args, options) => {
    try {
      return await git(args, options)
    } catch (error) {
      if (!isRedirect(error)) throw error
      const to = await (moved ??= movedTo(url, options.signal, edges).catch(() => undefined))
      if (!to) throw error
      return make(to)(
        args.map((arg) => (arg === url.url ? to.url : arg)),
        options,
      )
    }
  }
}

function isRedirect(error: unknown): boolean {
  return error instanceof XbuildError && [301, 302, 307, 308].includes(error.facts.httpStatus ?? 0)
}

/** Where the server says that the repository is; nothing when that is not on the same host, or no repository. */
async function movedTo(
  { url, login }: BareUrl,
  signal: AbortSignal,
  { env, reach }: RedirectEdges,
): Promise<BareUrl | undefined> {
  const agents = createAgents({ env, reach })
  try {
    const send = createHttp({ agents, idleTimeout: IDLE })
    const { authorization } = login!
    const found = await follow(send, new URL(`${url.replace(/\/+$/, '')}${ASKED}${SERVICE}`), { authorization, signal })
    if (found === undefined) return undefined
    return { url: found, login: { scope: login!.scope === url ? found : login!.scope, authorization } }
  } finally {
    agents.close()
  }
}

async function follow(
  send: SendHttp,
  start: URL,
  { authorization, signal }: { readonly authorization: string; readonly signal: AbortSignal },
): Promise<string | undefined> {
  let at = start
  for (let left = MOST; left > 0; left -= 1) {
    const answer = await send({ method: 'GET', url: at, headers: { authorization }, signal })
    const { statusCode = 0, headers } = answer
    discard(answer)
    if (![301, 302, 307, 308].includes(statusCode)) break
    const { location = '' } = headers
    if (!URL.canParse(location, at.href)) return undefined
    const next = new URL(location, at)
    const stays = next.origin === start.origin && next.username === '' && next.password === ''
    if (!stays || !next.pathname.endsWith(ASKED) || next.search !== SERVICE) return undefined
    at = next
  }
  return at === start ? undefined : `${at.origin}${at.pathname.slice(0, -ASKED.length)}`
}
