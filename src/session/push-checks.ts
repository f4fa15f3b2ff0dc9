import { formatReference } from '../oci/reference.ts'
import { pushNames } from '../publish/output-names.ts'
import type { Session } from './open.ts'
import type { TagGate } from './tag-gate.ts'
import type { BuildEdges, SessionRequest } from './types.ts'

/** What registries say of the pushes of a session. */
export interface PushChecks {
  /** Before anything is built: waits for the answers about one request. Throws AUTH when a push will be refused. */
  allowed(request: SessionRequest): Promise<void>
  /**
   * Before something is built for these images, or for all when there are none: throws AUTH when the pushes of all of
   * them will be refused.
   */
  beforeWork(images: ReadonlySet<string>): Promise<void>
  /** When all is built: what was answered meanwhile. Throws AUTH. */
  answered(request: SessionRequest): Promise<void>
  /** Absent: nothing is pushed. */
  readonly gate?: TagGate
}

/**
 * As many repositories are asked while everything else is made ready. Of more, and where the tags are there already,
 * each is asked when something is built for it: of a hundred images hardly any has changed, and a question costs a
 * registry more than an answer is worth.
 */
const ASKED_AT_ONCE = 8

/** Whether the tags of a request are there: somebody could push them before. */
type IsThere = (request: SessionRequest) => Promise<boolean>

const NOTHING: PushChecks = {
  allowed: async () => undefined,
  beforeWork: async () => undefined,
  answered: async () => undefined,
}

/** Asks the registries that the session pushes to: code that only pushes load. */
export async function startPushChecks(
  session: Session,
  { emit, signal }: Pick<BuildEdges, 'emit' | 'signal'>,
): Promise<PushChecks> {
  const pushes = session.requests.some(({ outputs }) => outputs.outputs.some(({ type }) => type === 'registry'))
  if (!pushes) return NOTHING
  const [{ askPushRights }, { openTagGate }] = await Promise.all([import('./preflight.ts'), import('./tag-gate.ts')])
  const gate = openTagGate(session, signal)
  const isThere = async (request: SessionRequest) => {
    const states = await Promise.all(pushNames(request.outputs).map(async (ref) => gate.before(formatReference(ref))))
    return states.length > 0 && states.every((state) => state !== 'absent' && state !== 'unknown')
  }
  return { ...pushChecksOf(session.requests, askPushRights(session, { emit, signal }), isThere), gate }
}

/** The checks of some requests; `ask` asks about one. */
export function pushChecksOf(
  requests: readonly SessionRequest[],
  ask: (request: SessionRequest) => Promise<void>,
  isThere: IsThere = async () => false,
): PushChecks {
  const asked = new Map<SessionRequest, Promise<void>>()
  const allowed = (request: SessionRequest): Promise<void> => {
    const answer = asked.get(request) ?? ask(request)
    answer.catch(() => undefined)
    asked.set(request, answer)
    return answer
  }
  const repositories = new Set(
    requests.flatMap(({ outputs }) =>
      pushNames(outputs).map(({ host, repository }) => formatReference({ host, repository })),
    ),
  )
  const early = new Map<SessionRequest, Promise<void>>()
  for (const request of repositories.size <= ASKED_AT_ONCE ? requests : []) {
    const answer = isThere(request).then((is) => (is ? undefined : allowed(request)))
    answer.catch(() => undefined)
    early.set(request, answer)
  }
  return {
    allowed: async (request) => early.get(request),
    async beforeWork(images) {
      const own = requests.filter(({ image }) => images.size === 0 || image === undefined || images.has(image))
      const answers = await Promise.allSettled(own.map(allowed))
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []))
      if (refused.length > 0 && refused.length === answers.length) throw refused[0]
    },
    answered: async (request) => asked.get(request),
  }
}
