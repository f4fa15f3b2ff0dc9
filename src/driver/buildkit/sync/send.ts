import { type PacketSchema, Packet_PacketType as TYPE, type Packet } from '../gen/fsutil_pb.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'
import type { ServedCall } from '../grpc/server.ts'
import type { TreeFilter } from './filter.ts'
import type { Fingerprint } from './fingerprint.ts'
import { createOutbox } from './outbox.ts'
import { changed, type Tree } from './tree.ts'

/**
 * Sends a tree to a receiver that has an older copy, maybe: every entry is told in order, and files are sent when they
 * are asked for, by the number of their entry (fsutil's protocol). A fingerprint is told what is listed. Throws
 * XbuildError for what cannot be read, `GrpcFailure` for a receiver that breaks the rules.
 */
export async function sendTree(
  call: Pick<ServedCall<typeof PacketSchema, typeof PacketSchema>, 'requests' | 'sendFrames' | 'send'>,
  tree: Tree,
  filter: TreeFilter,
  fingerprint?: Fingerprint,
): Promise<void> {
  const outbox = createOutbox(call.sendFrames)
  /** Files that may still be asked for. */
  const files = new Map<number, { path: string; size: bigint }>()
  const asked: number[] = []
  let wake: (() => void) | undefined
  let listed = false
  let over = false

  async function list(): Promise<void> {
    let id = 0
    for (const entry of tree.entries(filter)) {
      if (over) return
      fingerprint?.add(entry)
      if (entry.isFile && entry.linkname === undefined) files.set(id, { path: entry.path, size: entry.size })
      id++
      const full = outbox.stat(entry)
      if (full) await full
      // The receiver starts to ask as soon as it knows of files
      if (id % 256 === 0) await outbox.flush()
    }
    await outbox.bare(TYPE.STAT)
    await outbox.flush()
    listed = true
  }

  async function serve(): Promise<void> {
    while (!over) {
      const id = asked.shift()
      if (id === undefined) {
        await outbox.flush()
        if (asked.length === 0 && !over) await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      const file = files.get(id)
      if (!file)
        throw new GrpcFailure(GRPC.invalidArgument, `file ${id} was requested, which is not a file or was already sent`)
      files.delete(id)
      await sendFile(id, file)
    }
  }

  async function sendFile(id: number, { path, size }: { path: string; size: bigint }): Promise<void> {
    const file = tree.open(path)
    try {
      let sent = 0n
      for (let bytes; (bytes = await outbox.piece(id, file)) > 0 && !over; ) sent += BigInt(bytes)
      if (sent !== size && !over) throw changed(path)
      await outbox.bare(TYPE.DATA, id)
    } finally {
      file.close()
    }
  }

  async function listen(): Promise<void> {
    for await (const packet of call.requests as AsyncIterable<Packet>) {
      if (packet.type === TYPE.REQ) asked.push(packet.ID)
      else if (packet.type === TYPE.ERR)
        throw new GrpcFailure(
          GRPC.aborted,
          `the receiver failed: ${Buffer.from(packet.data).toString('utf8').slice(0, 1000)}`,
        )
      else if (packet.type === TYPE.FIN) return
      else throw new GrpcFailure(GRPC.invalidArgument, `the receiver sent a packet of type ${packet.type}`)
      wake?.()
    }
    throw new GrpcFailure(GRPC.canceled, 'the receiver closed the connection')
  }

  const stop = () => {
    over = true
    wake?.()
  }
  const tasks = [list(), serve()].map((task) =>
    task.catch((error: unknown) => {
      stop()
      throw error
    }),
  )
  const listening = listen().finally(stop)
  try {
    // What goes wrong here is told to the receiver, who would wait for it for ever
    await Promise.race([listening, Promise.all(tasks).then(() => listening)])
  } catch (error) {
    listening.catch(() => {})
    await Promise.allSettled(tasks)
    const message = error instanceof Error ? error.message : String(error)
    await call.send({ type: TYPE.ERR, data: Buffer.from(message) }).catch(() => {})
    throw error
  }
  await Promise.all(tasks)
  if (!listed) throw new GrpcFailure(GRPC.invalidArgument, 'the receiver ended before it knew all files')
  await call.send({ type: TYPE.FIN })
}
