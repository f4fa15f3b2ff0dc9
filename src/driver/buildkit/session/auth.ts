import type { SendHttp } from '../../../host/http/send.ts'
import { isLoopback } from '../../../host/http/loopback.ts'
import type { Credentials } from '../../../registry/credentials.ts'
import { fetchToken } from '../../../registry/token.ts'
import { Auth } from '../gen/auth_pb.ts'
import { serveUnary, type Served } from '../grpc/server.ts'
import { createTokenAuthority } from './token-authority.ts'

export interface AuthOptions {
  readonly credentials: Credentials
  /** Asked for when the first token is to be fetched. */
  readonly http: () => Promise<SendHttp>
  /** Whether a registry is reached over plain http. */
  readonly isPlain: (host: string) => boolean
}

/**
 * Speaks with registries' token services for the daemon, which pulls and pushes as this machine's user; nobody known
 * means anonymous.
 */
export function authService({ credentials, http, isPlain }: AuthOptions): readonly Served[] {
  const authority = createTokenAuthority()
  const find = (host: string) => credentials.find(familiarHost(host), '')
  return [
    // For registries that want the password itself
    serveUnary(Auth.method.credentials, async ({ Host: host }) => {
      const credential = await find(host)
      if (credential.kind === 'password') return { Username: credential.username, Secret: credential.password }
      // A secret without a name is an OAuth refresh token
      if (credential.kind === 'identity') return { Secret: credential.token }
      return {}
    }),
    serveUnary(Auth.method.getTokenAuthority, ({ Host: host, Salt: salt }) => ({
      PublicKey: authority.publicKey(host, salt),
    })),
    serveUnary(Auth.method.verifyTokenAuthority, ({ Host: host, Salt: salt, Payload: payload }) => ({
      Signed: authority.sign(host, salt, payload),
    })),
    serveUnary(Auth.method.fetchToken, async ({ Host: asked, Realm: realm, Service: service, Scopes: scopes }) => {
      const credential = await find(asked)
      if (credential.kind === 'registry') return { Token: credential.token }
      const host = familiarHost(asked)
      const now = Date.now()
      const challenge = {
        scheme: 'bearer',
        realm,
        scopes,
        insufficient: false,
        ...(service ? { service } : {}),
      } as const
      const { value, expires } = await fetchToken(
        {
          host,
          challenge,
          scopes,
          credential,
          plain: isLoopback(host) || isPlain(host),
          signal: AbortSignal.timeout(60_000),
          now,
        },
        await http(),
      )
      return {
        Token: value,
        ExpiresIn: BigInt(Math.max(0, Math.floor((expires - now) / 1000))),
        IssuedAt: BigInt(Math.floor(now / 1000)),
      }
    }),
  ]
}

function familiarHost(host: string): string {
  return host === 'registry-1.docker.io' || host === 'index.docker.io' ? 'docker.io' : host
}
