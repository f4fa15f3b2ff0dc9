import type { IncomingMessage } from 'node:http'
import type { Endpoint } from './endpoint.ts'
import { RegistryFailure, discard } from './failure.ts'
import type { Connection } from './mirrors.ts'
import type { RegistryRequest } from './session.ts'

/**
 * Asks for the head of an answer. Gateways before a registry may let no HEAD through: then the whole is asked for, and
 * given up after its head.
 */
export async function askHead(
  { ask }: Pick<Connection, 'ask'>,
  endpoint: Endpoint,
  request: Omit<RegistryRequest, 'method' | 'body'>,
): Promise<IncomingMessage> {
  const response = await ask(endpoint, { ...request, method: 'HEAD' }).catch((error: unknown) => {
    if (error instanceof RegistryFailure && (error.status === 405 || error.status === 501))
      return ask(endpoint, { ...request, method: 'GET' })
    throw error
  })
  discard(response)
  return response
}
