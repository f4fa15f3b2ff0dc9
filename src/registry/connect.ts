import { familiarReference } from '../oci/reference.ts'
import { createAgents } from './agents.ts'
import { createAuthorizer } from './auth.ts'
import { createCredentials } from './credentials.ts'
import { registryEndpoint } from './endpoint.ts'
import { createHttp } from './http.ts'
import type { Connection } from './mirrors.ts'
import { hasBlob, pullBlob, pullManifest, pullScope } from './pull.ts'
import { pushBlob, pushManifest } from './push.ts'
import { PATIENT, systemClock, withRetries } from './retry.ts'
import { createSession } from './session.ts'
import type { RegistryClient, RegistryClientOptions } from './types.ts'

/** The working client behind `createRegistryClient`: connection pools, credentials and tokens live as long as it does. */
export function connect(options: RegistryClientOptions): RegistryClient {
  const { registries, env } = options
  const clock = options.clock ?? systemClock
  const say = options.onRetry ?? (() => {})
  const closing = new AbortController()
  const agents = createAgents({ registries, env })
  const send = createHttp({ agents, idleTimeout: options.idleTimeout ?? 60_000 })
  const credentials = createCredentials({ env, say })
  const authorizer = createAuthorizer({ credentials, send, clock, closed: closing.signal })
  const connection: Connection = { ask: createSession({ send, authorizer }), registries, clock, say }

  return {
    manifest: (ref, { signal }) => pullManifest(connection, ref, signal),
    blob: (ref, descriptor, how) => pullBlob(connection, ref, descriptor, how),
    async hasBlob(ref, descriptor, { signal }) {
      const endpoint = registryEndpoint(ref, registries)
      const what = `look for blob ${descriptor.digest} in "${familiarReference(ref)}"`
      return withRetries(() => hasBlob(connection, { endpoint, descriptor, what, scopes: [pullScope(endpoint)], signal }), {
        ...connection,
        signal,
        patience: PATIENT,
      })
    },
    pushBlob: (ref, descriptor, how) => pushBlob(connection, ref, descriptor, how),
    pushManifest: (ref, manifest, { signal }) => pushManifest(connection, ref, manifest, signal),
    async close() {
      closing.abort()
      agents.close()
    },
  }
}
