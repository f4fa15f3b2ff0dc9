import { setMaxListeners } from 'node:events'
import type { Emit } from '../events.ts'
import { createListener, type Listener } from '../run/watch.ts'
import type { BuildEdges } from './types.ts'

/** What ends a session before its work is done: its caller, or with `failFast` the first image that fails. */
export interface Stop {
  /** Aborts for both. */
  readonly signal: AbortSignal
  /** Passes events on, and notices failures. */
  readonly emit: Emit
  readonly listener: Listener
  /** For failures that no event tells. */
  readonly onFail: () => void
  /** Whether a failure ended it, and not the caller. */
  byFailure(): boolean
  /** The caller's own signal. */
  readonly caller: AbortSignal
}

/** Watches the events of a session. */
export function createStop({ emit, signal: caller, failFast }: Pick<BuildEdges, 'emit' | 'signal' | 'failFast'>): Stop {
  const failure = new AbortController()
  const onFail = () => {
    if (failFast) failure.abort()
  }
  const listener = createListener((event) => {
    emit(event)
    if (event.type === 'job.fail') onFail()
  })
  const signal = AbortSignal.any([caller, failure.signal])
  // Every step and job of every image listens
  setMaxListeners(0, signal)
  return {
    signal,
    emit: listener.emit,
    listener,
    onFail,
    byFailure: () => failure.signal.aborted && !caller.aborted,
    caller,
  }
}
