import { XbuildError } from '../errors.ts'
import type { Endpoint, Registries } from './endpoint.ts'
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

/** Asks the mirrors in turn and then, with more patience, the registry; says which mirror was passed over and why. */
export async function fromFirst<T>(
  connection: Connection,
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
  attempt: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  for (const [index, endpoint] of endpoints.entries()) {
    const next = endpoints[index + 1]
    const patience = next ? BRIEF : PATIENT
    try {
      return await withRetries(() => attempt(endpoint), { ...connection, signal, patience })
    } catch (error) {
      if (!next || !(error instanceof RegistryFailure) || signal.aborted) throw error
      connection.say(`${error.message}; trying ${next.host}`)
    }
  }
  throw new XbuildError('INTERNAL', 'Cannot pull from nowhere')
}
