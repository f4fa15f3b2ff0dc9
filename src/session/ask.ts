import type { CompleteOptions } from '../config/options.ts'
import { createImages } from '../content/images.ts'
import { inspect, type Answer, type Question } from './inspect.ts'
import { openSession } from './open.ts'
import type { BuildEdges, SessionRequest } from './types.ts'

/**
 * What `--call` asks about the Dockerfile: what checks find, what a target takes, which targets there are. Builds
 * nothing.
 */
export async function ask(question: Question, options: CompleteOptions, edges: BuildEdges): Promise<Answer> {
  const request: SessionRequest = { image: undefined, options, outputs: { outputs: [], tags: [], annotations: [] } }
  const session = await openSession([request], edges)
  try {
    const images = createImages({
      store: session.store,
      registry: session.registry,
      cwd: options.cwd,
      emit: edges.emit,
      pull: options.pull,
    })
    const main = await session.contextOf(session.requests[0]!)
    return await inspect(question, session.requests[0]!.options, {
      dockerfile: await main.dockerfile(),
      images,
      warn: session.warn,
      signal: edges.signal,
    })
  } finally {
    await session.close()
  }
}
