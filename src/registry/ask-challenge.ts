import type { SendHttp } from '../host/http/send.ts'
import { parseChallenge, type Challenge } from './challenge.ts'
import type { Endpoint } from './endpoint.ts'
import { discard, networkFailure } from './failure.ts'

/**
 * How a registry wants to be asked, in its own words: asked without credentials. Undefined: it lets everybody in.
 * Throws REGISTRY.
 */
export async function askChallenge(
  { host, origin, repository }: Endpoint,
  { send, signal }: { readonly send: SendHttp; readonly signal: AbortSignal },
): Promise<Challenge | undefined> {
  // Some registries let everybody in as far as the door, and ask at each repository
  for (const path of ['/v2/', ...(repository === '' ? [] : [`/v2/${repository}/manifests/latest`])]) {
    try {
      const response = await send({ method: 'GET', url: new URL(origin + path), headers: {}, signal })
      discard(response)
      const challenge = response.statusCode === 401 ? parseChallenge(response.headers['www-authenticate']) : undefined
      if (challenge) return challenge
    } catch (error) {
      throw networkFailure(`ask ${host} how to log in`, host, error, signal)
    }
  }
  return undefined
}
