import { setTimeout as delay } from 'node:timers/promises'
import { XbuildError } from '../errors.ts'
import { RegistryFailure, type Transience } from './failure.ts'
import type { Clock } from './types.ts'

/** The real time and chance. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
  random: () => Math.random(),
}

/** How often a request is repeated, by the transience of its failure. */
export type Patience = Readonly<Record<Exclude<Transience, 'final'>, number>>

/** For the registry itself. */
export const PATIENT: Patience = { transient: 5, unreachable: 2, doubtful: 2 }
/** For a mirror: there is somewhere else to go. */
export const BRIEF: Patience = { transient: 1, unreachable: 0, doubtful: 0 }
/** For what must not be done twice without a look between. */
export const ONCE: Patience = { transient: 0, unreachable: 0, doubtful: 0 }

const FIRST_DELAY = 500
const MAX_DELAY = 15_000
/** A registry that asks for a longer pause is not waited for. */
const MAX_RETRY_AFTER = 120_000

export interface RetryOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly say: (message: string) => void
  readonly patience: Patience
}

/**
 * Runs `attempt` until it succeeds, fails for good, or patience ends: exponential backoff with jitter, Retry-After
 * when it is given.
 */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      await pauseBeforeRetry(error, failures, options)
    }
  }
}

/**
 * Waits before the next try after the `failures`-th failure in a row, or throws the error when there should be none.
 */
export async function pauseBeforeRetry(error: unknown, failures: number, options: RetryOptions): Promise<void> {
  const { signal, clock, patience } = options
  if (!(error instanceof RegistryFailure) || error.transience === 'final') throw error
  const limit = patience[error.transience]
  if (failures > limit) throw error
  if ((error.retryAfter ?? 0) > MAX_RETRY_AFTER) throw error
  const backoff = Math.min(MAX_DELAY, FIRST_DELAY * 2 ** (failures - 1)) * (0.5 + clock.random() / 2)
  const pause = Math.max(backoff, error.retryAfter ?? 0)
  options.say(`${error.message}; trying again in ${(pause / 1000).toFixed(1)} s (${failures} of ${limit})`)
  try {
    await clock.sleep(pause, signal)
  } catch (cause) {
    throw new XbuildError('CANCELED', 'Canceled while waiting for a registry', { cause })
  }
}
