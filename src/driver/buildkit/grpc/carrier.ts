import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/**
 * A connection as node:http2 may have it. Of a TLS socket that has been written to, it takes what is below the stream,
 * and ends the program with a failed assertion when a write is still under way there; so it gets a stream that goes
 * through the socket's own queue.
 */
export function carrierOf(connection: Duplex): Duplex {
  if (!(connection as TLSSocket).encrypted) return connection
  const carrier = new Duplex({
    read: () => void connection.resume(),
    write: (chunk: Buffer, _encoding, done) => void connection.write(chunk, done),
    final: (done) => void connection.end(() => done()),
    destroy(error, done) {
      connection.destroy()
      done(error)
    },
  })
  connection.on('data', (chunk: Buffer) => {
    if (!carrier.push(chunk)) connection.pause()
  })
  connection.on('end', () => carrier.push(null)).on('error', (error) => carrier.destroy(error))
  connection.on('close', () => {
    if (!connection.readableEnded) carrier.destroy() // what came before an orderly end is still read
  })
  return carrier
}
