import type { Duplex } from 'node:stream'

/** A way to a BuildKit daemon. Every call opens a connection of its own; whoever opened it destroys it. */
export interface Transport {
  /** How messages call the daemon, like `unix:///run/docker.sock`. */
  readonly endpoint: string
  /** HTTP/2 authority for TLS endpoints; absent: `localhost`. */
  readonly authority?: string
  /** A connection on which the daemon speaks HTTP/2 as server: BuildKit's control API. Throws NODE. */
  control(signal: AbortSignal): Promise<Duplex>
  /**
   * A connection on which the daemon speaks HTTP/2 as client: the session, announced by headers (Docker Engine's
   * `/session`).
   * Absent: the session goes through `Control.Session`.
   */
  session?(headers: Readonly<Record<string, string | readonly string[]>>, signal: AbortSignal): Promise<Duplex>
  /** Ends what several connections share, like an ssh master. */
  close(): Promise<void>
}
