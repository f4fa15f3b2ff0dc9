import { XbuildError } from '../errors.ts'
import { isLoopback } from '../host/http/loopback.ts'

/** Reads a secret of the build by its id; nothing when there is none. */
export type ReadSecret = (id: string) => Promise<Buffer | undefined>

/** What git is to send to URLs that begin with `scope`. */
export interface GitLogin {
  readonly scope: string
  /** Value of the Authorization header. */
  readonly authorization: string
}

/** A git URL, and the login that was in it: a URL is seen by everybody on the machine while git runs. */
export interface BareUrl {
  readonly url: string
  readonly login?: GitLogin
  /** A name without a password, for which a helper of the user's knows one. */
  readonly username?: string
}

/** Takes the login out of an http(s) URL, and a password, which would be of no use, out of others. */
export function withoutLogin(url: string): BareUrl {
  if (!URL.canParse(url)) return { url }
  const { protocol, username, password } = new URL(url)
  const isHttp = protocol === 'http:' || protocol === 'https:'
  if (!isHttp && password === '') return { url }
  const bare = url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, (_, scheme: string) =>
    isHttp || username === '' ? scheme : `${scheme}${username}@`,
  )
  if (!isHttp || (username === '' && password === '')) return { url: bare }
  if (password === '') return { url: bare, username: decoded(username) }
  const authorization = `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`
  return { url: bare, login: { scope: bare, authorization } }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A token for one repository serves all of GitHub's, whose submodules often need it, too. */
const GITHUB = /^https:\/\/(?:www\.)?github\.com\//i

/**
 * The login for a repository behind an http(s) URL: secrets GIT_AUTH_HEADER and GIT_AUTH_TOKEN, those with `.HOST`
 * first. Throws AUTH when a secret would go in the clear to a host that it does not name.
 */
export async function gitLogin(url: string, secret: ReadSecret): Promise<GitLogin | undefined> {
  if (!/^https?:\/\//i.test(url)) return undefined
  const parsed = new URL(url)
  const scope = GITHUB.exec(url)?.[0] ?? url.replace(/^(https?:\/\/)[^/]*@/i, '$1')
  const host = authorityOf(parsed)
  for (const suffix of [`.${host}`, '']) {
    for (const name of ['GIT_AUTH_HEADER', 'GIT_AUTH_TOKEN']) {
      const value = await lineOf(name + suffix, secret)
      if (value === undefined) continue
      if (suffix === '' && parsed.protocol === 'http:' && !isLoopback(parsed.host))
        throw otherHost(name, { url: parsed, meant: 'https', better: `${name}.${host}` })
      if (name === 'GIT_AUTH_HEADER') return { scope, authorization: value }
      return { scope, authorization: `Basic ${Buffer.from(`x-access-token:${value}`).toString('base64')}` }
    }
  }
  return undefined
}

/**
 * Value of the Authorization header for a download: secrets HTTP_AUTH_TOKEN_HOST and HTTP_AUTH_HEADER_HOST, where HOST
 * has a port unless it is that of https. Throws AUTH when there is only one for another port.
 */
export async function httpLogin(url: URL, secret: ReadSecret): Promise<string | undefined> {
  const host = authorityOf(url)
  const token = await lineOf(`HTTP_AUTH_TOKEN_${host}`, secret)
  if (token !== undefined) return `Bearer ${token}`
  const header = await lineOf(`HTTP_AUTH_HEADER_${host}`, secret)
  if (header !== undefined || host === url.hostname) return header
  for (const name of ['HTTP_AUTH_TOKEN_', 'HTTP_AUTH_HEADER_'])
    if ((await secret(name + url.hostname)) !== undefined)
      throw otherHost(name + url.hostname, { url, meant: `https://${url.hostname}`, better: name + host })
  return undefined
}

/** Host and port as names of secrets have them: without a port it is https on its own port. */
export function authorityOf({ protocol, host, hostname, port }: URL): string {
  return protocol === 'http:' ? `${hostname}:${port || '80'}` : host
}

function otherHost(
  id: string,
  { url, meant, better }: { readonly url: URL; readonly meant: string; readonly better: string },
): XbuildError {
  return new XbuildError('AUTH', `Cannot send the secret "${id}" to ${url.protocol}//${url.host}: it is for ${meant}`, {
    hint: `Name it ${better}, if it is for that server`,
  })
}

/** A secret as part of a header; the newline that most files end with is none. */
async function lineOf(id: string, secret: ReadSecret): Promise<string | undefined> {
  const text = (await secret(id))?.toString('utf8').trim()
  if (text === undefined) return undefined
  if (/^[\x20-\x7e]+$/.test(text)) return text
  throw new XbuildError('BAD_OPTION', `Cannot use the secret "${id}": it is not one line of plain text`, {
    hint: 'Give the token alone, or the value of an Authorization header',
  })
}
