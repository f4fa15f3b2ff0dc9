import { availableParallelism, loadavg } from 'node:os'

/** What is known when a program is about to run whose pack is not made yet. Milliseconds. */
export interface Waiting {
  /** What this program and its further starts are expected to take longer under QEMU: of CPU time. */
  readonly gain: number
  /** What making the pack takes: of CPU time. */
  readonly expected: number
  /** How long it has been made, by the clock. */
  readonly elapsed: number
  /** How many times longer than its CPU time a program takes on this machine now, 1 at least. */
  readonly slowness: number
}

/** No program waits longer, whatever it would gain: an archive may hang. Milliseconds. */
const LONGEST = 120_000

/** Other packs may be made before it, and packages must come: of what is expected at least this part is always left. */
const LEFT = 1 / 4

/**
 * How long a program waits for its pack, in milliseconds; 0: it runs emulated at once. It waits when that is expected
 * to be shorter than emulating, and never longer than emulating would have taken.
 */
export function longestWait({ gain, expected, elapsed, slowness }: Waiting): number {
  const left = Math.max(expected - elapsed / slowness, expected * LEFT)
  return gain <= left ? 0 : Math.max(0, Math.min(gain * slowness, LONGEST) - elapsed)
}

/** How many times longer than its CPU time a program takes on this machine now, by its load. */
export function slowness(): number {
  return Math.max(1, loadavg()[0]! / availableParallelism())
}
