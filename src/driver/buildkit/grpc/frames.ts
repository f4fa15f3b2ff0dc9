import { GrpcFailure, GRPC } from './status.ts'

/** Bytes before every message: one flag, four of length. */
export const FRAME_HEADER = 5

/** A message as gRPC sends it: not compressed, its length in front. */
export function frame(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER + message.length)
  bytes[0] = 0
  bytes.writeUInt32BE(message.length, 1)
  bytes.set(message, FRAME_HEADER)
  return bytes
}

/**
 * Takes the bytes of a stream as they come and gives the messages that are complete; they are views of what was
 * pushed where they can be.
 */
export interface Deframer {
  push(chunk: Buffer): Buffer[]
  /** Whether the stream may end here. */
  isEmpty(): boolean
}

/** Throws a `GrpcFailure` for a message that is compressed or longer than `limit` bytes. */
export function createDeframer(limit: number): Deframer {
  let parts: Buffer[] = []
  let held = 0

  function push(chunk: Buffer): Buffer[] {
    const messages: Buffer[] = []
    parts.push(chunk)
    held += chunk.length
    while (held >= FRAME_HEADER) {
      if (parts[0]!.length < FRAME_HEADER) parts = [Buffer.concat(parts)]
      const size = FRAME_HEADER + sizeOf(parts[0]!, limit)
      if (held < size) break
      const whole = parts[0]!.length >= size ? parts[0]! : Buffer.concat(parts)
      messages.push(whole.subarray(FRAME_HEADER, size))
      const rest = whole.subarray(size)
      parts = [...(rest.length > 0 ? [rest] : []), ...(whole === parts[0] ? parts.slice(1) : [])]
      held -= size
    }
    return messages
  }

  return { push, isEmpty: () => held === 0 }
}

function sizeOf(header: Buffer, limit: number): number {
  if (header[0] !== 0) throw new GrpcFailure(GRPC.unimplemented, 'received a compressed message')
  const size = header.readUInt32BE(1)
  if (size > limit)
    throw new GrpcFailure(GRPC.resourceExhausted, `received a message of ${size} bytes, the limit is ${limit}`)
  return size
}
