import { Duplex } from 'node:stream'

/**
 * Two ends of one connection in memory. What is written never waits: Node's HTTP/2 does not read while it writes, so
 * two of them
 * on a connection that holds little wait for each other.
 */
export function duplexPair(): [Duplex, Duplex] {
  const end = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        if (!other().destroyed) other().push(chunk)
        done()
      },
      final(done) {
        other().push(null)
        done()
      },
      destroy(error, done) {
        if (!other().destroyed) setImmediate(() => other().destroy())
        done(error)
      },
    })
  const left: Duplex = end(() => right)
  const right: Duplex = end(() => left)
  return [left, right]
}
