import type { IncomingMessage } from 'node:http'
import { compact } from '../compact.ts'
import type { HttpBody, HttpRequest, SendHttp } from '../host/http/send.ts'
import type { Authorizer } from './auth.ts'
import { parseChallenge } from './challenge.ts'
import type { Endpoint } from './endpoint.ts'
import { RegistryFailure, answerFailure, discard, networkFailure } from './failure.ts'

/** One request to a repository, tried once. */
export interface RegistryRequest {
  /** What the user would say is being done, after "Cannot": `pull blob sha256:... of "alpine:3"`. */
  readonly what: string
  readonly method: HttpRequest['method']
  /** Relative to the repository (`manifests/latest`), or a place that the registry named. */
  readonly path: string | URL
  readonly scopes: readonly string[]
  /** Statuses that are answers; all others become failures. */
  readonly expect: readonly number[]
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: HttpBody
  readonly signal: AbortSignal
}

/** Sends a request with the right credentials and follows redirects; the caller reads or discards the answer. */
export type Ask = (endpoint: Endpoint, request: RegistryRequest) => Promise<IncomingMessage>

const MAX_REDIRECTS = 8
const MAX_LOGINS = 2

export function createSession(options: { send: SendHttp; authorizer: Authorizer }): Ask {
  const { send, authorizer } = options
  // Kinds of requests that the registry has let through
  const accepted = new Set<string>()

  return async function ask(endpoint, request) {
    const { scopes, signal, expect } = request
    let authorization = await authorizer.header(endpoint, { scopes, signal })
    let answer = await follow(endpoint, request, authorization)
    for (let logins = 0; logins < MAX_LOGINS && asksForLogin(answer, endpoint); logins++) {
      const challenge = answer.response.headers['www-authenticate']
      const next = await authorizer.answer(endpoint, { scopes, signal, challenge, refused: authorization })
      if (next === undefined) break
      discard(answer.response)
      authorization = next
      answer = await follow(endpoint, request, authorization)
    }
    const { response, url } = answer
    const own = url.origin === endpoint.origin
    const kind = kindOf(endpoint, request)
    if (expect.includes(response.statusCode ?? 0)) {
      accepted.add(kind)
      return response
    }
    const failure = await answerFailure(request.what, own ? endpoint.host : url.host, response)
    if (own) {
      if (failure.code !== 'AUTH') throw failure
      const explained = await authorizer.explain(endpoint, failure)
      // Who wants a login says which, and who has accepted it does not change their mind
      const isDoubtful = failure.status === 401 && (accepted.has(kind) || !response.headers['www-authenticate'])
      throw isDoubtful
        ? new RegistryFailure('AUTH', explained.message, { ...explained, transience: 'doubtful' })
        : explained
    }
    // Signed addresses of a blob store run out: the registry gives a new one
    const transience = failure.status === 403 ? 'transient' : failure.transience
    throw new RegistryFailure('REGISTRY', failure.message, { ...failure, transience })
  }

  async function follow(endpoint: Endpoint, request: RegistryRequest, authorization: string | undefined) {
    let url =
      request.path instanceof URL
        ? request.path
        : new URL(`${endpoint.origin}/v2/${endpoint.repository}/${request.path}`)
    for (let redirects = 0; ; redirects++) {
      const response = await once(endpoint, request, url, authorization)
      const location = response.headers.location
      const redirected = [301, 302, 303, 307, 308].includes(response.statusCode ?? 0) && location !== undefined
      if (!redirected || (request.method !== 'GET' && request.method !== 'HEAD')) return { response, url }
      discard(response)
      if (redirects === MAX_REDIRECTS) throw lost(request, url, 'redirects too many times')
      url = placeFrom(location, url) ?? fail(lost(request, url, 'redirects to an invalid URL'))
    }
  }

  async function once(
    endpoint: Endpoint,
    request: RegistryRequest,
    url: URL,
    authorization: string | undefined,
  ): Promise<IncomingMessage> {
    // Credentials are for the registry that asked for them, never for another host it points to
    const trusted = authorization !== undefined && url.origin === endpoint.origin
    try {
      return await send({
        method: request.method,
        url,
        headers: { ...request.headers, ...(trusted ? { authorization } : {}) },
        ...compact({ body: request.body }),
        signal: request.signal,
      })
    } catch (error) {
      throw networkFailure(
        request.what,
        url.origin === endpoint.origin ? endpoint.host : url.host,
        error,
        request.signal,
      )
    }
  }
}

/** Requests that need the same rights. */
function kindOf({ origin }: Endpoint, { method, scopes }: RegistryRequest): string {
  return [origin, method === 'GET' || method === 'HEAD' ? 'read' : 'write', ...scopes].join(' ')
}

/** An address a registry gave, relative or absolute; undefined when it is none or would leave https. */
export function placeFrom(location: string | undefined, base: URL): URL | undefined {
  if (location === undefined || !URL.canParse(location, base.href)) return undefined
  const url = new URL(location, base)
  // A proxy that ends TLS often leaves http:// in the addresses of the registry behind it
  if (base.protocol === 'https:' && url.protocol === 'http:' && url.hostname === base.hostname) {
    url.protocol = 'https:'
    if (url.port === '80') url.port = ''
  }
  url.hash = ''
  return url.protocol === 'https:' || (url.protocol === 'http:' && base.protocol === 'http:') ? url : undefined
}

function asksForLogin({ response, url }: { response: IncomingMessage; url: URL }, endpoint: Endpoint): boolean {
  if (url.origin !== endpoint.origin) return false
  if (response.statusCode === 401) return true
  if (response.statusCode !== 403) return false
  const challenge = parseChallenge(response.headers['www-authenticate'])
  return challenge?.scheme === 'bearer' && challenge.insufficient
}

function lost(request: RegistryRequest, url: URL, state: string): RegistryFailure {
  return new RegistryFailure('REGISTRY', `Cannot ${request.what}: ${url.host} ${state}`, { transience: 'final' })
}

function fail(error: Error): never {
  throw error
}
