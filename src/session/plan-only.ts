import type { BuildOptions } from '../config/options.ts'
import type { BuildPlan } from '../plan/types.ts'
import { openWithPlatforms } from './all-platforms.ts'
import { checkAsked } from './check-requests.ts'
import { withDefaultEdges } from './edges.ts'
import { openLastNodes } from './last-nodes.ts'
import { prepare } from './plan.ts'
import { checkPushes, lookUpBases } from './preflight.ts'
import { createResults } from './results.ts'
import type { BuildEdges, BuildRequest, SessionRequest } from './types.ts'

/**
 * What `build` would do: every stage and platform with its strategy, node and reason; whether base images are there
 * and pushes allowed. Starts nothing. The plan of several requests has `images`, and its jobs name theirs.
 */
export async function plan(
  asked: BuildOptions | readonly BuildRequest[],
  given: Partial<BuildEdges> = {},
): Promise<BuildPlan> {
  const edges = withDefaultEdges(given)
  return planSession(checkAsked(asked, { stdout: NOWHERE }), edges)
}

async function planSession(asked: readonly SessionRequest[], edges: BuildEdges): Promise<BuildPlan> {
  const session = await openWithPlatforms(asked, edges)
  const { requests } = session
  const results = createResults(requests, edges.signal)
  try {
    const { last } = openLastNodes(session.store)
    const [{ plan: found, targets }, rights] = await Promise.all([
      prepare(session, results, { ...edges, last }),
      checkPushes(
        requests.map(({ outputs }) => outputs),
        session,
        edges.signal,
      ),
    ])
    const bases = await lookUpBases(targets, { ...edges, session })
    const pushes = rights.map(({ error: _, ...right }) => right)
    return { ...found, ...(bases.length > 0 ? { bases } : {}), ...(pushes.length > 0 ? { pushes } : {}) }
  } finally {
    await session.close()
  }
}

/** A plan writes no results. */
const NOWHERE = { isTTY: false } as BuildEdges['stdout']
