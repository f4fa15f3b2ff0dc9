import { Duplex } from 'node:stream'
import { Control } from '../gen/control_pb.ts'
import type { CallMetadata, GrpcClient } from '../grpc/client.ts'

/** Daemons take messages of 4 MiB at most. */
const PIECE = 256 << 10

/** A connection inside of a call on the control connection, for daemons that have no other door for sessions. */
export function openTunnel(client: GrpcClient, headers: CallMetadata): Duplex {
  const call = client.open(Control.method.session, { metadata: headers })
  const duplex = new Duplex({
    read: () => resume?.(),
    write: (chunk: Buffer, _encoding, done) => void send(chunk).then(() => done(), done),
    writev: (chunks, done) =>
      void send(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer))).then(() => done(), done),
    final(done) {
      call.end()
      done()
    },
    destroy(error, done) {
      resume?.()
      call.cancel()
      done(error)
    },
  })
  let resume: (() => void) | undefined

  async function send(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE) await call.send({ data: bytes.subarray(at, at + PIECE) })
  }

  async function receive(): Promise<void> {
    for await (const { data } of call.messages) {
      if (duplex.destroyed) return
      if (!duplex.push(Buffer.from(data.buffer, data.byteOffset, data.length)))
        await new Promise<void>((resolve) => (resume = resolve))
    }
    await call.ended
    duplex.push(null)
  }

  receive().catch((error: Error) => duplex.destroy(error))
  return duplex
}
