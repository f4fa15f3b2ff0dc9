import { XbuildError } from '../errors.ts'
import type { SendHttp } from '../host/http/send.ts'
import { type BearerChallenge, type Challenge, parseChallenge } from './challenge.ts'
import type { Credential, Credentials } from './credentials.ts'
import { mayBePlain, type Endpoint, type Registries } from './endpoint.ts'
import { RegistryFailure } from './failure.ts'
import { type Token, basicHeader, fetchToken } from './token.ts'
import type { Clock } from './types.ts'

/** Finds the Authorization header for a request and remembers what each registry asks for. */
export interface Authorizer {
  /** The header by what is known already; undefined before the first challenge. */
  header(endpoint: Endpoint, request: AuthRequest): Promise<string | undefined>
  /** The header that answers a challenge to a request sent with `refused`; undefined when there is nothing better. */
  answer(endpoint: Endpoint, request: RefusedRequest): Promise<string | undefined>
  /** An AUTH failure with the way out added: which credentials were refused, or where none were found. */
  explain(endpoint: Endpoint, failure: RegistryFailure): Promise<RegistryFailure>
}

interface AuthRequest {
  /** `repository:NAME:pull`, `repository:NAME:pull,push`, ... */
  readonly scopes: readonly string[]
  readonly signal: AbortSignal
}

interface RefusedRequest extends AuthRequest {
  /** The WWW-Authenticate header. */
  readonly challenge: string | undefined
  /** The Authorization header that was not good enough. */
  readonly refused: string | undefined
}

export interface AuthorizerOptions {
  readonly credentials: Credentials
  readonly send: SendHttp
  readonly registries: Registries
  readonly clock: Clock
  /** Aborted when the client is closed. */
  readonly closed: AbortSignal
}

// A token is renewed this much before its end: clocks differ and requests take time
const MARGIN = 10_000

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const challenges = new Map<string, Challenge>()
  const tokens = new Map<string, Promise<Token>>()

  return {
    async header(endpoint, { scopes, signal }) {
      const challenge = challenges.get(endpoint.origin)
      return challenge && abortable(present(endpoint, challenge, union(scopes)), signal)
    },

    async answer(endpoint, { scopes, signal, challenge: text, refused }) {
      const challenge = parseChallenge(text)
      if (!challenge) return undefined
      challenges.set(endpoint.origin, challenge)
      const wanted = union(scopes, challenge.scheme === 'bearer' ? challenge.scopes : [])
      await forget(endpoint, scopes, refused)
      await forget(endpoint, wanted, refused)
      const header = await abortable(present(endpoint, challenge, wanted), signal)
      // Next time the wider token is taken at once
      const token = tokens.get(tokenKey(endpoint, wanted))
      if (token) tokens.set(tokenKey(endpoint, scopes), token)
      return header === refused ? undefined : header
    },

    explain,
  }

  async function explain(endpoint: Endpoint, failure: RegistryFailure): Promise<RegistryFailure> {
    const credential = await options.credentials.find(endpoint.host, endpoint.repository)
    const login = `docker login ${endpoint.host}`
    const hint =
      credential.kind === 'none'
        ? `Check the name; if it is private, run "${login}" (no credentials for ${endpoint.host} in ${await options.credentials.searched()})`
        : `Check the rights of ${describe(credential)}, or run "${login}"`
    return new RegistryFailure(failure.code, failure.message, { ...failure, hint, cause: failure.cause })
  }

  async function present(
    endpoint: Endpoint,
    challenge: Challenge,
    scopes: readonly string[],
  ): Promise<string | undefined> {
    if (challenge.scheme === 'basic') {
      const credential = await options.credentials.find(endpoint.host, endpoint.repository)
      return credential.kind === 'password' ? basicHeader(credential) : undefined
    }
    const { value } = await renewed(endpoint, challenge, scopes)
    return `Bearer ${value}`
  }

  /** The cached token, or a new one; all who wait for the same scopes share one request. */
  async function renewed(endpoint: Endpoint, challenge: BearerChallenge, scopes: readonly string[]): Promise<Token> {
    const key = tokenKey(endpoint, scopes)
    const cached = tokens.get(key)
    const token = await cached
    if (token && token.expires - MARGIN > options.clock.now()) return token
    // Another caller may have renewed it while we looked
    const current = tokens.get(key)
    if (current && current !== cached) return current
    const fresh = request(endpoint, challenge, scopes)
    tokens.set(key, fresh)
    fresh.catch(() => tokens.get(key) === fresh && tokens.delete(key))
    return fresh
  }

  async function request(endpoint: Endpoint, challenge: BearerChallenge, scopes: readonly string[]): Promise<Token> {
    const credential = await options.credentials.find(endpoint.host, endpoint.repository)
    if (credential.kind === 'registry') return { value: credential.token, expires: Infinity }
    const { closed: signal, clock, send, registries } = options
    try {
      return await fetchToken(
        {
          host: endpoint.host,
          challenge,
          scopes,
          credential,
          mayBePlain: (realm) => mayBePlain(realm, endpoint, registries),
          signal,
          now: clock.now(),
        },
        send,
      )
    } catch (error) {
      throw error instanceof RegistryFailure && error.code === 'AUTH' ? await explain(endpoint, error) : error
    }
  }

  async function forget(endpoint: Endpoint, scopes: readonly string[], refused: string | undefined): Promise<void> {
    const key = tokenKey(endpoint, scopes)
    const token = await tokens.get(key)?.catch(() => undefined)
    if (token && `Bearer ${token.value}` === refused) tokens.delete(key)
  }
}

function tokenKey(endpoint: Endpoint, scopes: readonly string[]): string {
  return [endpoint.origin, ...scopes.toSorted()].join(' ')
}

/** Both lists as one, sorted: actions on the same repository are merged. */
function union(a: readonly string[], b: readonly string[] = []): string[] {
  const actions = new Map<string, Set<string>>()
  for (const scope of [...a, ...b]) {
    const end = scope.lastIndexOf(':')
    const known = actions.get(scope.slice(0, end)) ?? new Set<string>()
    for (const action of scope.slice(end + 1).split(',')) known.add(action)
    actions.set(scope.slice(0, end), known)
  }
  return [...actions].map(([resource, set]) => `${resource}:${[...set].toSorted().join(',')}`).toSorted()
}

function describe(credential: Exclude<Credential, { kind: 'none' }>): string {
  return credential.kind === 'password'
    ? `"${credential.username}" from ${credential.from}`
    : `the token from ${credential.from}`
}

/**
 * The promise, or CANCELED as soon as the signal says so; what the promise stands for goes on for the others who
 * wait.
 */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new XbuildError('CANCELED', 'Canceled while logging in to a registry'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
