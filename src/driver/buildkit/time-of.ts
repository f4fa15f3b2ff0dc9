import type { Timestamp } from '@bufbuild/protobuf/wkt'

/** A time of the daemon in milliseconds since the epoch; now, when it says none. */
export function timeOf(time: Timestamp | undefined): number {
  return time ? Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6) : Date.now()
}
