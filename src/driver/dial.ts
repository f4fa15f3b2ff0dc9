import type { Duplex } from 'node:stream'

/** A way to the socket of a daemon, whatever it speaks: every call opens a connection of its own. */
export interface Dial {
  /** How messages call the daemon. */
  readonly endpoint: string
  /**
   * The name on the server's certificate, and the protocol that TLS agreed on for this connection; absent without
   * TLS.
   */
  readonly authority?: string
  /** Throws NODE, and CANCELED when `signal` aborts before there is a connection; it has no say afterwards. */
  connect(signal: AbortSignal): Promise<Duplex>
  /** Ends what several connections share. */
  close(): Promise<void>
}
