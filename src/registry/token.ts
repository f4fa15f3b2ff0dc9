import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { HttpRequest, SendHttp } from '../host/http/send.ts'
import type { BearerChallenge } from './challenge.ts'
import type { Credential } from './credentials.ts'
import { RegistryFailure, answerFailure, networkFailure, readUpTo } from './failure.ts'

/** An access token; `expires` is milliseconds since the epoch. */
export interface Token {
  readonly value: string
  readonly expires: number
}

export interface TokenRequest {
  /** Registry host, for messages. */
  readonly host: string
  readonly challenge: BearerChallenge
  readonly scopes: readonly string[]
  readonly credential: Credential
  /** Whether a token service may be asked over plain http. */
  readonly mayBePlain: (realm: URL) => boolean
  readonly signal: AbortSignal
  readonly now: number
}

const MAX_BODY = 1024 * 1024
const MIN_LIFETIME = 60

/**
 * Asks the registry's token service (distribution's token and OAuth2 specs): GET with Basic or nothing, POST for
 * refresh tokens.
 */
export async function fetchToken(request: TokenRequest, send: SendHttp): Promise<Token> {
  const { host, credential } = request
  const realm = checkedRealm(request)
  const what = `log in to ${host}`
  const post = (form: Record<string, string>) => ask(postRequest(realm, form, request))
  let response: IncomingMessage
  if (credential.kind === 'identity') {
    response = await post({ grant_type: 'refresh_token', refresh_token: credential.token })
  } else {
    response = await ask(getRequest(realm, request))
    if (credential.kind === 'password' && (response.statusCode === 404 || response.statusCode === 405)) {
      response.resume()
      response = await post({ grant_type: 'password', username: credential.username, password: credential.password })
    }
  }
  if (response.statusCode !== 200) {
    const failure = await answerFailure(what, realm.host, response)
    // Services say 400, 401, 403 or 404 for a wrong password
    throw failure.transience === 'final'
      ? new RegistryFailure('AUTH', failure.message, { ...failure, cause: failure.cause })
      : failure
  }
  return readToken(await readBody(response), request)

  async function ask(outgoing: HttpRequest): Promise<IncomingMessage> {
    try {
      return await send(outgoing)
    } catch (error) {
      throw networkFailure(what, realm.host, error, request.signal)
    }
  }

  async function readBody(answer: IncomingMessage): Promise<Buffer> {
    try {
      return await readUpTo(answer, MAX_BODY)
    } catch (error) {
      throw networkFailure(what, realm.host, error, request.signal)
    }
  }
}

function checkedRealm({ host, challenge, mayBePlain }: TokenRequest): URL {
  const realm = URL.canParse(challenge.realm) ? new URL(challenge.realm) : undefined
  if (!realm || !/^https?:$/.test(realm.protocol)) throw refused(host, 'its challenge has no valid token service')
  if (realm.protocol === 'http:' && !mayBePlain(realm))
    throw refused(host, `it asks for the password over an unencrypted connection to ${realm.host}`)
  return realm
}

function getRequest(realm: URL, { challenge, scopes, credential, signal }: TokenRequest): HttpRequest {
  const url = new URL(realm)
  if (challenge.service) url.searchParams.set('service', challenge.service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (credential.kind !== 'password') return { method: 'GET', url, headers: {}, signal }
  url.searchParams.set('account', credential.username)
  return { method: 'GET', url, headers: { authorization: basicHeader(credential) }, signal }
}

function postRequest(
  url: URL,
  grant: Record<string, string>,
  { challenge, scopes, signal }: TokenRequest,
): HttpRequest {
  const form = new URLSearchParams({
    ...grant,
    client_id: 'xbuild',
    ...(challenge.service ? { service: challenge.service } : {}),
    ...(scopes.length ? { scope: scopes.join(' ') } : {}),
  })
  const bytes = Buffer.from(form.toString())
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: { length: bytes.length, open: async () => Readable.from([bytes]) },
    signal,
  }
}

function readToken(body: Buffer, { host, now }: TokenRequest): Token {
  let json: { token?: unknown; access_token?: unknown; expires_in?: unknown } = {}
  try {
    json = (JSON.parse(body.toString()) ?? {}) as typeof json
  } catch {
    // Falls through: no token in it
  }
  const value = json.token || json.access_token
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) throw refused(host, 'its token service gave no token')
  const lifetime = typeof json.expires_in === 'number' ? Math.max(MIN_LIFETIME, json.expires_in) : MIN_LIFETIME
  return { value, expires: now + lifetime * 1000 }
}

/** The Authorization header of a user and password. */
export function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function refused(host: string, state: string): RegistryFailure {
  return new RegistryFailure('AUTH', `Cannot log in to ${host}: ${state}`, { transience: 'final' })
}
