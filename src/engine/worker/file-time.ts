/** The first moment that a `Date` can hold. Seconds. */
const EARLIEST = -8.64e12

/** A modification time (seconds) as Node's calls take it: they read a negative number as "now". */
export function fileTime(seconds: number): number | Date {
  return seconds < 0 ? new Date(Math.max(seconds, EARLIEST) * 1000) : seconds
}
