import { XbuildError } from '../errors.ts'
import { type Reference, familiarReference } from '../oci/reference.ts'
import { type Endpoint, type Registries, pullEndpoints } from './endpoint.ts'
import { RegistryFailure } from './failure.ts'
import { BRIEF, PATIENT, withRetries } from './retry.ts'
import type { Ask } from './session.ts'
import type { Clock } from './types.ts'

/** What every operation on registries needs. */
export interface Connection {
  readonly ask: Ask
  readonly registries: Registries
  readonly clock: Clock
  readonly say: (message: string) => void
}

/** Runs `attempt` against the mirrors in turn and then, with more patience, against the registry; says which mirror was passed over and why. */
export async function fromFirst<T>(
  connection: Connection,
  ref: Reference,
  signal: AbortSignal,
  attempt: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  const endpoints = pullEndpoints(ref, connection.registries)
  for (const [index, endpoint] of endpoints.entries()) {
    const next = endpoints[index + 1]
    const patience = next ? BRIEF : PATIENT
    try {
      return await withRetries(() => attempt(endpoint), { ...connection, signal, patience })
    } catch (error) {
      if (!next || !(error instanceof RegistryFailure) || signal.aborted) throw error
      connection.say(`${error.message}; going on with ${next.host}`)
    }
  }
  throw new XbuildError('INTERNAL', `Cannot pull "${familiarReference(ref)}": no place to ask`)
}
