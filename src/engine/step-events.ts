import { compact } from '../compact.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import type { BuildEvent } from '../events.ts'
import { servedBy, type Shown } from './vertex.ts'

/** A vertex as progress knows it. */
interface ShownVertex {
  readonly id: string
  readonly shown: Shown
}

/** Says that work on a vertex begins. */
export function stepStart({ id, shown }: ShownVertex): Extract<BuildEvent, { type: 'step.start' }> {
  return {
    type: 'step.start',
    step: id,
    name: shown.name,
    ...servedBy(shown),
    ...compact({ source: shown.at }),
    at: Date.now(),
  }
}

/** An error with the place in the Dockerfile; what comes after Ctrl-C is its consequence. */
export function locateError(thrown: unknown, { shown }: ShownVertex, signal: AbortSignal): XbuildError {
  if (signal.aborted) return new XbuildError('CANCELED', 'Build canceled')
  const error = toXbuildError(thrown)
  return error.at || !shown.at ? error : error.with({ at: shown.at })
}
