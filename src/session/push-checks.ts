import type { Session } from './open.ts'
import type { TagGate } from './tag-gate.ts'
import type { BuildEdges, SessionRequest } from './types.ts'

/** What registries say of the pushes of a session, asked while everything else is made ready. */
export interface PushChecks {
  /** Waits for the answers about one request. Throws AUTH when a push will be refused. */
  allowed(request: SessionRequest): Promise<void>
  /** Absent: nothing is pushed. */
  readonly gate?: TagGate
}

/** Asks every registry that the session pushes to: code that only pushes load. */
export async function startPushChecks(session: Session, { signal }: Pick<BuildEdges, 'signal'>): Promise<PushChecks> {
  const pushes = session.requests.some(({ outputs }) => outputs.outputs.some(({ type }) => type === 'registry'))
  if (!pushes) return { allowed: async () => undefined }
  const [{ askPushRights }, { openTagGate }] = await Promise.all([import('./preflight.ts'), import('./tag-gate.ts')])
  return { allowed: askPushRights(session, signal), gate: openTagGate(session, signal) }
}
