/** What is known when a program is about to run whose pack is not made yet. Milliseconds. */
export interface Waiting {
  /** What emulation is expected to cost this program and its further starts. */
  readonly gain: number
  /** How long making the pack takes, as measured; where it never was, about. */
  readonly expected: number
  /** How long it has been made. */
  readonly elapsed: number
}

/** No program waits longer, whatever it would gain: an archive may hang. Milliseconds. */
const LONGEST = 120_000

/** Under load making takes longer than it did: of what is expected at least this part is always left. */
const LEFT = 1 / 4

/**
 * How long a program waits for its pack, in milliseconds; 0: it runs emulated at once. It waits when that is expected
 * to be shorter than emulating, and never longer than emulating would have taken.
 */
export function longestWait({ gain, expected, elapsed }: Waiting): number {
  const left = Math.max(expected - elapsed, expected * LEFT)
  return gain <= left ? 0 : Math.max(0, Math.min(gain, LONGEST) - elapsed)
}
