import { XbuildError } from '../errors.ts'
import type { Environment, SignService } from './service.ts'

/** Who signs, as a provider of identities says: an OpenID Connect token for the audience `sigstore`. */
export interface IdentityToken {
  readonly token: string
  readonly issuer: string
  /** What its holder proves to have a key for: a mail address, or the subject. */
  readonly subject: string
}

const AUDIENCE = 'sigstore'

/** A token is there, or GitHub gives one. Throws AUTH. */
export function requireIdentity(env: Environment): void {
  if (env['SIGSTORE_ID_TOKEN'] || (env['ACTIONS_ID_TOKEN_REQUEST_URL'] && env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'])) return
  throw new XbuildError('AUTH', 'Cannot sign without a key: the environment has no identity token', {
    hint:
      'GitHub Actions: give the job "permissions: { id-token: write }". GitLab: "id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } }". ' +
      'Others: put a token for the audience sigstore into SIGSTORE_ID_TOKEN. Or sign with a key',
  })
}

/** The token of `SIGSTORE_ID_TOKEN`, or a new one of GitHub's service. Throws AUTH, REGISTRY. */
export async function identityToken(
  env: Environment,
  service: SignService,
  signal: AbortSignal,
): Promise<IdentityToken> {
  requireIdentity(env)
  return readToken(env['SIGSTORE_ID_TOKEN'] || (await githubToken(env, service, signal)))
}

async function githubToken(env: Environment, service: SignService, signal: AbortSignal): Promise<string> {
  const url = new URL(env['ACTIONS_ID_TOKEN_REQUEST_URL']!)
  url.searchParams.set('audience', AUDIENCE)
  const headers = { authorization: `Bearer ${env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}`, accept: 'application/json' }
  const answer = await service.ask({ what: "GitHub's token service", url, headers, signal })
  const { value } = JSON.parse(answer.toString()) as { readonly value?: unknown }
  if (typeof value === 'string') return value
  throw new XbuildError('AUTH', "Cannot sign without a key: GitHub's token service gives no token")
}

function readToken(token: string): IdentityToken {
  try {
    const claims = JSON.parse(Buffer.from(token.trim().split('.')[1] ?? '', 'base64url').toString()) as {
      readonly iss?: unknown
      readonly sub?: unknown
      readonly email?: unknown
    }
    const subject = claims.email ?? claims.sub
    if (typeof claims.iss === 'string' && typeof subject === 'string' && subject !== '')
      return { token: token.trim(), issuer: claims.iss, subject }
  } catch {
    // what it holds must not be shown
  }
  throw new XbuildError('AUTH', 'Cannot sign without a key: the identity token is no JSON web token with iss and sub')
}
