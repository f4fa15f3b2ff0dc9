import { join } from 'node:path'
import { proxiesOf } from '../config/proxies.ts'
import { XbuildError } from '../errors.ts'
import { currentHost, dockerFolder, readJson } from '../nodes/docker-config.ts'
import type { BuildEdges, SessionRequest } from './types.ts'

/** The requests with the proxies that the user's Docker settings give to all builds, as docker gives them. */
export async function addProxies(
  requests: readonly SessionRequest[],
  { env, warn }: Pick<BuildEdges, 'env'> & { readonly warn: (message: string) => void },
): Promise<readonly SessionRequest[]> {
  try {
    const settings = await readJson(join(dockerFolder(env), 'config.json'))
    if (!settings || !('proxies' in settings)) return requests
    const proxies = proxiesOf(settings, await currentHost(env))
    if (Object.keys(proxies).length === 0) return requests
    return requests.map((request) => ({ ...request, options: { ...request.options, proxies } }))
  } catch (error) {
    if (!(error instanceof XbuildError)) throw error
    warn(`Steps get no proxies of Docker's settings: ${error.message}`)
    return requests
  }
}
