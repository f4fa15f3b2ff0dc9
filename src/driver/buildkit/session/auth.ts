import type { SendHttp } from '../../../host/http/send.ts'
import { askChallenge } from '../../../registry/ask-challenge.ts'
import type { Challenge } from '../../../registry/challenge.ts'
import type { Credentials } from '../../../registry/credentials.ts'
import { mayBePlain, registryEndpoint, type Registries } from '../../../registry/endpoint.ts'
import { fetchToken } from '../../../registry/token.ts'
import { Auth } from '../gen/auth_pb.ts'
import { serveUnary, type Served } from '../grpc/server.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'
import type { NamedRegistries } from '../named-registries.ts'
import { createTokenAuthority } from './token-authority.ts'

export interface AuthOptions {
  readonly credentials: Credentials
  /** Asked for when the first token is to be fetched. */
  readonly http: () => Promise<SendHttp>
  readonly registries: Registries
  /** What the builds of the session name: for nobody else is anything given out. */
  readonly named: Pick<NamedRegistries, 'has' | 'allowed'>
  /** Told once of each registry that the daemon asked for in vain. */
  readonly warn: (message: string) => void
}

const PATIENCE = 60_000
/** Warnings of one session: a daemon could ask for any number of names. */
const MOST_WARNINGS = 20

/**
 * Speaks with registries' token services for the daemon, which pulls and pushes as this machine's user; nobody known
 * means anonymous. The registry itself says what it wants, and where its token service is: the daemon's word for it
 * counts for nothing.
 */
export function authService({ credentials, http, registries, named, warn }: AuthOptions): readonly Served[] {
  const authority = createTokenAuthority()
  const challenges = new Map<string, Promise<Challenge | undefined>>()
  const warned = new Set<string>()

  /** A daemon that is refused like this goes on as nobody: most images are there for everybody. */
  function refuse(host: string, state: string): GrpcFailure {
    const message = `The login for "${shown(host)}" was not given to the node: ${state}`
    if (!warned.has(message) && warned.size < MOST_WARNINGS) warn(message)
    warned.add(message)
    return new GrpcFailure(GRPC.unimplemented, message)
  }

  function namedHost(asked: string): string {
    const host = familiarHost(asked)
    if (!named.has(host)) throw refuse(host, 'this build does not name that registry')
    return host
  }

  async function challengeOf(host: string, repository: string): Promise<Challenge | undefined> {
    const key = `${host}/${repository}`
    const asking =
      challenges.get(key) ??
      askChallenge(registryEndpoint({ host, repository }, registries), {
        send: await http(),
        signal: AbortSignal.timeout(PATIENCE),
      })
    challenges.set(key, asking)
    asking.catch(() => challenges.delete(key))
    try {
      return await asking
    } catch (error) {
      throw refuse(host, `this machine cannot ask it how to log in: ${(error as Error).message}`)
    }
  }

  return [
    // For registries that want the password itself
    serveUnary(Auth.method.credentials, async ({ Host: asked }) => {
      const host = namedHost(asked)
      const credential = await credentials.find(host, '')
      if (credential.kind === 'none') return {}
      const challenge = await challengeOf(host, '')
      if (challenge?.scheme === 'basic' && credential.kind === 'password')
        return { Username: credential.username, Secret: credential.password }
      throw refuse(host, 'that registry uses tokens, and does not need the password itself')
    }),
    serveUnary(Auth.method.getTokenAuthority, ({ Host: host, Salt: salt }) => ({
      PublicKey: authority.publicKey(namedHost(host), salt),
    })),
    serveUnary(Auth.method.verifyTokenAuthority, ({ Host: host, Salt: salt, Payload: payload }) => ({
      Signed: authority.sign(namedHost(host), salt, payload),
    })),
    serveUnary(Auth.method.fetchToken, async ({ Host: asked, Realm: realm, Service: service, Scopes: wanted }) => {
      const host = namedHost(asked)
      const scopes = named.allowed(host, wanted)
      const repository = /^repository:(.+):/.exec(scopes[0] ?? wanted[0] ?? '')?.[1] ?? ''
      const challenge = await challengeOf(host, REPOSITORY.test(repository) ? repository : '')
      if (challenge?.scheme !== 'bearer') throw refuse(host, 'that registry does not ask for tokens')
      if (!sameUrl(challenge.realm, realm) || (challenge.service ?? '') !== service)
        throw refuse(
          host,
          `its token service is "${shown(challenge.realm)}", the node asked for one of "${shown(realm)}"`,
        )
      // Repositories that nobody named are there for everybody, or not for this build
      const isNamed = scopes.length > 0
      const credential = isNamed ? await credentials.find(host, repository) : ({ kind: 'none' } as const)
      if (credential.kind === 'registry') return { Token: credential.token }
      const now = Date.now()
      const { value, expires } = await fetchToken(
        {
          host,
          challenge,
          scopes: isNamed ? scopes : wanted,
          credential,
          mayBePlain: (url) => mayBePlain(url, registryEndpoint({ host, repository }, registries), registries),
          signal: AbortSignal.timeout(PATIENCE),
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

/** Part of a URL that we ask. */
const REPOSITORY = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/

function familiarHost(host: string): string {
  return host === 'registry-1.docker.io' || host === 'index.docker.io' ? 'docker.io' : host
}

function sameUrl(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).href === new URL(other).href
}

/** A daemon's own words in a message. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200)).slice(1, -1)
}
