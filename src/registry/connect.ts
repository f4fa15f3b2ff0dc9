import { setMaxListeners } from 'node:events'
import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { createAgents } from '../host/http/agents.ts'
import { createHttp } from '../host/http/send.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { parseDigest } from '../oci/digest.ts'
import { familiarReference } from '../oci/reference.ts'
import { createAuthorizer } from './auth.ts'
import { createCredentials } from './credentials.ts'
import { configOf, registryEndpoint } from './endpoint.ts'
import type { Connection } from './mirrors.ts'
import { hasBlob, pullBlob, pullManifest, pullScope } from './pull.ts'
import { checkPush, pushBlob, pushManifest } from './push.ts'
import { type Repository, repositoryOf } from './repository.ts'
import { PATIENT, systemClock, withRetries } from './retry.ts'
import { createSession } from './session.ts'
import type { RegistryClient, RegistryClientOptions } from './types.ts'

/**
 * The working client behind `createRegistryClient`: connection pools, credentials and tokens live as long as it does.
 */
export function connect(options: RegistryClientOptions): RegistryClient & Repository {
  const { registries, env } = options
  const clock = options.clock ?? systemClock
  const say = options.onRetry ?? (() => {})
  const closing = new AbortController()
  const agents = createAgents({
    env,
    tlsOf: (host) => configOf(host, registries),
    ...compact({ reach: options.reach }),
  })
  const send = createHttp({ agents, idleTimeout: options.idleTimeout ?? 60_000 })
  const credentials = createCredentials({ env, say, hide: options.hide })
  const authorizer = createAuthorizer({ credentials, send, registries, clock, closed: closing.signal })
  const connection: Connection = { ask: createSession({ send, authorizer }), registries, clock, say }

  // Many requests wait on the one signal of a build; Node takes more than ten for a leak
  const busy = <T extends { signal: AbortSignal }>(how: T): T => {
    setMaxListeners(0, how.signal, closing.signal)
    return how
  }

  return {
    ...repositoryOf(connection),
    manifest: async (ref, how) => pullManifest(connection, ref, busy(how)),
    blob: async (ref, descriptor, how) => pullBlob(connection, ref, checked(descriptor), busy(how)),
    async hasBlob(ref, descriptor, how) {
      const { signal } = busy(how)
      const endpoint = registryEndpoint(ref, registries)
      const what = `look for blob ${checked(descriptor).digest} in "${familiarReference(ref)}"`
      return withRetries(
        () => hasBlob(connection, { endpoint, descriptor, what, scopes: [pullScope(endpoint)], signal }),
        {
          ...connection,
          signal,
          patience: PATIENT,
        },
      )
    },
    pushBlob: async (ref, descriptor, how) => pushBlob(connection, ref, checked(descriptor), busy(how)),
    pushManifest: async (ref, manifest, how) => pushManifest(connection, ref, manifest, busy(how)),
    checkPush: async (ref, how) => checkPush(connection, ref, busy(how).signal),
    async close() {
      closing.abort()
      agents.close()
    },
  }
}

/** Descriptors come out of foreign manifests and become part of URLs. */
function checked(descriptor: Descriptor): Descriptor {
  parseDigest(descriptor.digest)
  if (Number.isSafeInteger(descriptor.size) && descriptor.size >= 0) return descriptor
  throw new XbuildError(
    'BAD_REFERENCE',
    `Cannot use blob ${descriptor.digest}: its size "${descriptor.size}" is not a number of bytes`,
  )
}
