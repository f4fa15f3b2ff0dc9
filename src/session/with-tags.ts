import type { Results } from './results.ts'
import type { TagGate } from './tag-gate.ts'
import type { SessionRequest } from './types.ts'

/**
 * Does the work of every image up to its tags, moves all tags, and lets the images end, one after the other. Without a
 * gate nothing is pushed.
 */
export async function eachWithTags(
  results: Pick<Results, 'each'>,
  gate: TagGate | undefined,
  work: (request: SessionRequest) => Promise<void>,
): Promise<void> {
  if (!gate) return results.each(work)
  const running = new Map<SessionRequest, Promise<void>>()
  const ended = (request: SessionRequest) => Promise.allSettled([running.get(request)])
  try {
    await results.each(async (request) => {
      const arrived = gate.arrived(request)
      const working = work(request)
      working.catch(() => undefined)
      running.set(request, working)
      await Promise.race([working, arrived])
    })
  } catch (error) {
    gate.failed(undefined, error)
    throw error
  } finally {
    await gate.open(ended)
  }
  await results.each(async (request) => running.get(request))
}
