import type { RegistryConfig } from '../config/options.ts'
import { isLoopback } from '../host/http/loopback.ts'
import { namesOf } from '../publish/output-names.ts'
import type { BuildEdges, SessionRequest } from './types.ts'

/** Seconds that a registry has to show which protocol it speaks. */
const PATIENCE = 10

/**
 * The requests with the settings that `registry.insecure=true` of outputs stands for: any certificate, and plain http
 * for a registry that does not speak TLS, which is said. What the user's settings say of a host wins.
 */
export async function allowInsecure(
  requests: readonly SessionRequest[],
  { emit, env, signal }: Pick<BuildEdges, 'emit' | 'env' | 'signal'>,
): Promise<readonly SessionRequest[]> {
  const hosts = new Set(
    requests.flatMap(({ outputs: { outputs, tags } }) =>
      outputs.flatMap((output) =>
        output.type === 'registry' && output.insecure ? namesOf(output, tags).map(({ host }) => host) : [],
      ),
    ),
  )
  if (hosts.size === 0) return requests
  const { registries } = requests[0]!.options
  const { pingRegistry } = await import('../registry/ping.ts')
  const answers = async (host: string, settings: RegistryConfig) => {
    const asked = { registries: { [host]: { ...settings, mirrors: [] } }, env, signal, limit: PATIENCE }
    return (await pingRegistry(host, asked)).every(({ failure }) => failure === undefined)
  }
  const added = await Promise.all(
    [...hosts].map(async (host): Promise<readonly [string, RegistryConfig]> => {
      const own: RegistryConfig = { mirrors: [], ...registries[host], insecure: true }
      if (own.http !== undefined || isLoopback(host) || (await answers(host, own))) return [host, own]
      if (!(await answers(host, { ...own, http: true }))) return [host, own]
      const message = `${host} does not speak TLS: it is asked by plain http, as registry.insecure=true allows`
      emit({ type: 'warning', message, at: Date.now() })
      return [host, { ...own, http: true }]
    }),
  )
  const all = { ...registries, ...Object.fromEntries(added) }
  return requests.map((request) => ({ ...request, options: { ...request.options, registries: all } }))
}
