import { neutralStages } from '../ci/neutral.ts'
import type { CompleteOptions } from '../config/options.ts'
import type { Platform } from '../platform.ts'
import { checkAsked } from './check-requests.ts'
import { withDefaultEdges } from './edges.ts'
import { openSession } from './open.ts'
import { readTargets } from './requests.ts'
import type { BuildEdges } from './types.ts'

/** The stages of a Dockerfile that are the same for all platforms, as `buildPlatform` sees it; nothing is built. */
export async function neutralOf(
  options: CompleteOptions,
  buildPlatform: Platform,
  given: Partial<BuildEdges> & Pick<BuildEdges, 'stdout'>,
): Promise<readonly string[]> {
  const edges = withDefaultEdges(given)
  const session = await openSession(checkAsked(options, edges), edges)
  try {
    const request = session.requests[0]!
    const main = await session.contextOf(request)
    const { emit } = edges
    const { targets } = await readTargets(request.options, { image: undefined, main, buildPlatform, here: false, emit })
    // Platforms with a Dockerfile of their own have nothing in common
    return new Set(targets.map(({ file }) => file)).size > 1 ? [] : neutralStages(targets.map(({ graph }) => graph))
  } finally {
    await session.close()
  }
}
