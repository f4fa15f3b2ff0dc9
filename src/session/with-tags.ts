import { sbomOf } from '../config/attest.ts'
import { createLimit } from '../content/limit.ts'
import { isImageOutput } from '../publish/output-names.ts'
import type { Results } from './results.ts'
import type { TagGate } from './tag-gate.ts'
import type { SessionRequest } from './types.ts'

/** Images on their way to their registries at a time. */
const AT_A_TIME = 6

/**
 * Does the work of every image up to its tags, moves all tags, and lets the images end. Images that only go to
 * registries are worked on side by side: they wait for answers. All others take turns. Without a gate nothing is
 * pushed.
 */
export async function eachWithTags(
  results: Pick<Results, 'each' | 'sideBySide'>,
  gate: TagGate | undefined,
  work: (request: SessionRequest) => Promise<void>,
): Promise<void> {
  const [some, one] = [createLimit(AT_A_TIME), createLimit(1)]
  const inTurn = (request: SessionRequest, task: () => Promise<unknown>) =>
    (onlyWaits(request) ? some : one)(async () => void (await task()))
  if (!gate) return results.sideBySide((request) => inTurn(request, () => work(request)))
  const running = new Map<SessionRequest, Promise<void>>()
  const ended = (request: SessionRequest) => Promise.allSettled([running.get(request)])
  try {
    await results.sideBySide((request) =>
      inTurn(request, () => {
        const arrived = gate.arrived(request)
        const working = work(request)
        working.catch(() => undefined)
        running.set(request, working)
        return Promise.race([working, arrived])
      }),
    )
  } catch (error) {
    gate.failed(undefined, error)
    throw error
  } finally {
    await gate.open(ended)
  }
  await results.each(async (request) => running.get(request))
}

/** Whether nothing of the work keeps this machine busy: files, archives, containers, compression. */
function onlyWaits({ options, outputs: { outputs } }: SessionRequest): boolean {
  return (
    outputs.every((one) => one.type === 'cacheonly' || (one.type === 'registry' && !isCompressed(one))) &&
    (options.test ?? []).length + (options.cacheTo ?? []).length === 0 &&
    !sbomOf(options) &&
    !options.checkReproducible
  )
}

function isCompressed(output: SessionRequest['outputs']['outputs'][number]): boolean {
  return isImageOutput(output) && output.compression !== undefined
}
