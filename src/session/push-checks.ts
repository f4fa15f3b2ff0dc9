import type { Session } from './open.ts'
import type { BuildEdges, SessionRequest } from './types.ts'

/** What registries say of the pushes of a session, asked while everything else is made ready. */
export interface PushChecks {
  /** Waits for the answers about one request. Throws AUTH when a push will be refused. */
  allowed(request: SessionRequest): Promise<void>
}

/** Asks every registry that the session pushes to: code that only pushes load. */
export async function startPushChecks(session: Session, { signal }: Pick<BuildEdges, 'signal'>): Promise<PushChecks> {
  const pushes = session.requests.some(({ outputs }) => outputs.outputs.some(({ type }) => type === 'registry'))
  if (!pushes) return { allowed: async () => undefined }
  const { askPushRights } = await import('./preflight.ts')
  return { allowed: askPushRights(session, signal) }
}
