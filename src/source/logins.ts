import { XbuildError } from '../errors.ts'

/** Reads a secret of the build by its id; nothing when there is none. */
export type ReadSecret = (id: string) => Promise<Buffer | undefined>

/** What git is to send to URLs that begin with `scope`. */
export interface GitLogin {
  readonly scope: string
  /** Value of the Authorization header. */
  readonly authorization: string
}

/** A token for one repository serves all of GitHub's, whose submodules often need it, too. */
const GITHUB = /^https:\/\/(?:www\.)?github\.com\//i

/**
 * The login for a repository behind an http(s) URL: secrets GIT_AUTH_HEADER and GIT_AUTH_TOKEN, those with `.HOST`
 * first.
 */
export async function gitLogin(url: string, secret: ReadSecret): Promise<GitLogin | undefined> {
  if (!/^https?:\/\//i.test(url)) return undefined
  const { host } = new URL(url)
  const scope = GITHUB.exec(url)?.[0] ?? url.replace(/^(https?:\/\/)[^/]*@/i, '$1')
  for (const suffix of [`.${host}`, '']) {
    const header = await lineOf(`GIT_AUTH_HEADER${suffix}`, secret)
    if (header !== undefined) return { scope, authorization: header }
    const token = await lineOf(`GIT_AUTH_TOKEN${suffix}`, secret)
    if (token !== undefined)
      return { scope, authorization: `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}` }
  }
  return undefined
}

/** Value of the Authorization header for a download: secrets HTTP_AUTH_TOKEN_HOST and HTTP_AUTH_HEADER_HOST. */
export async function httpLogin({ hostname }: URL, secret: ReadSecret): Promise<string | undefined> {
  const token = await lineOf(`HTTP_AUTH_TOKEN_${hostname}`, secret)
  return token === undefined ? lineOf(`HTTP_AUTH_HEADER_${hostname}`, secret) : `Bearer ${token}`
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
