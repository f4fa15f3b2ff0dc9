import { compact } from '../compact.ts'
import type { XbuildError } from '../errors.ts'
import type { RegistryConfig } from '../config/options.ts'
import { createAgents } from '../host/http/agents.ts'
import { createHttp } from '../host/http/send.ts'
import { configOf, pullEndpoints } from './endpoint.ts'
import { discard, networkFailure } from './failure.ts'

/** How a registry or a mirror of it answered. */
export interface Ping {
  /** As people write it. */
  readonly host: string
  readonly mirror: boolean
  /** Milliseconds until the answer. */
  readonly took: number
  /** Why it is of no use now; absent: it is there (and may ask for a login). */
  readonly failure?: string
}

export interface PingOptions {
  readonly registries: Readonly<Record<string, RegistryConfig>>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  /** Seconds for each. */
  readonly limit: number
}

/** Asks a registry and its mirrors whether they are there (distribution-spec, end-1), all at once. */
export async function pingRegistry(
  host: string,
  { registries, env, signal, limit }: PingOptions,
): Promise<readonly Ping[]> {
  const agents = createAgents({ env, tlsOf: (name) => configOf(name, registries) })
  const send = createHttp({ agents, idleTimeout: limit * 1000 })
  try {
    return await Promise.all(
      pullEndpoints({ host, repository: 'xbuild/doctor' }, registries).map(async (endpoint): Promise<Ping> => {
        const started = performance.now()
        const late = AbortSignal.timeout(limit * 1000)
        const either = AbortSignal.any([signal, late])
        const ping = (failure?: string): Ping => ({
          host: endpoint.host,
          mirror: endpoint.mirror,
          took: Math.round(performance.now() - started),
          ...compact({ failure }),
        })
        try {
          const response = await send({
            method: 'GET',
            url: new URL(`${endpoint.origin}/v2/`),
            headers: {},
            signal: either,
          })
          discard(response)
          const status = response.statusCode ?? 0
          return status === 200 || status === 401 || status === 403
            ? ping()
            : ping(`${endpoint.host} answered with HTTP status ${status}: it is not a registry, or it does not work`)
        } catch (error) {
          signal.throwIfAborted()
          return ping(
            late.aborted
              ? `${endpoint.host} did not answer within ${limit} s`
              : stateOf(networkFailure('reach it', endpoint.host, error, signal)),
          )
        }
      }),
    )
  } finally {
    agents.close()
  }
}

function stateOf({ facts, message }: XbuildError): string {
  return facts.state ?? message
}
