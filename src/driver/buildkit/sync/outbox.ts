import { FRAME_HEADER } from '../grpc/frames.ts'
import type { WriteFrames } from '../grpc/messages.ts'
import type { OpenFile, TreeEntry } from './tree.ts'

/**
 * Packets on their way out, written by hand into large buffers: of tens of thousands of small files, most of the time would go into
 * encoding and writing each packet by itself. The fields are those of `fsutil.proto`.
 */
export interface Outbox {
  stat(entry: TreeEntry): void | Promise<void>
  /** One piece of a file, read where it is sent from; how many bytes it had. */
  piece(id: number, file: OpenFile): Promise<number>
  /** A packet without content. */
  bare(type: number, id?: number): void | Promise<void>
  /** Sends what is there; resolves when more may be written. */
  flush(): Promise<void>
}

const SIZE = 256 << 10
const DATA = 2
/** Of a packet with a piece of a file: frame, type, id, length. */
const MOST_HEADER = FRAME_HEADER + 2 + 6 + 6

export function createOutbox(write: WriteFrames): Outbox {
  /** Buffers that were sent: a fresh one would cost the kernel more than filling it. */
  const spare: Buffer[] = []
  let buffer: Buffer = Buffer.allocUnsafeSlow(SIZE)
  let used = 0

  function flush(): Promise<void> {
    if (used === 0) return Promise.resolve()
    const sent = buffer
    const frames = sent.subarray(0, used)
    buffer = spare.pop() ?? Buffer.allocUnsafeSlow(SIZE)
    used = 0
    return write(frames, () => spare.push(sent))
  }

  function append(packet: Uint8Array): void | Promise<void> {
    if (used + FRAME_HEADER + packet.length <= SIZE) return put(packet)
    return flush().then(() => append(packet))
  }

  function put(packet: Uint8Array): void {
    used = header(used, packet.length)
    buffer.set(packet, used)
    used += packet.length
  }

  function header(at: number, length: number): number {
    buffer[at] = 0
    return buffer.writeUInt32BE(length, at + 1)
  }

  return {
    flush,
    stat: (entry) => append(encodeStat(entry)),
    bare: (type, id) => append(Uint8Array.from([...(type === 0 ? [] : [0x08, type]), ...(id === undefined ? [] : [0x18, ...varint(id)])])),
    async piece(id, file) {
      while (SIZE - used < SIZE / 8) await flush()
      const room = SIZE - used - MOST_HEADER
      const head = [0x08, DATA, 0x18, ...varint(id), 0x22]
      const expected = varint(room).length
      const start = used + FRAME_HEADER + head.length + expected
      const bytes = file.read(buffer, start, room)
      if (bytes === 0) return 0
      const length = varint(bytes)
      const at = used + FRAME_HEADER + head.length
      if (length.length !== expected) buffer.copyWithin(at + length.length, start, start + bytes)
      header(used, head.length + length.length + bytes)
      buffer.set(head, used + FRAME_HEADER)
      buffer.set(length, at)
      used = at + length.length + bytes
      return bytes
    },
  }
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  bytes.push(value)
  return bytes
}

/** A packet of type STAT, which is 0 and so not written. */
export function encodeStat({ path, mode, size, modified, linkname }: TreeEntry): Uint8Array {
  const name = Buffer.from(path)
  const link = Buffer.from(linkname ?? '')
  const head = [0x0a, ...varint(name.length)]
  const middle = [0x10, ...varint(mode), ...(size === 0n ? [] : [0x28, ...varint64(size)]), 0x30, ...varint64(modified), ...(link.length === 0 ? [] : [0x3a, ...varint(link.length)])]
  const length = head.length + name.length + middle.length + link.length
  const start = [0x12, ...varint(length)]
  const packet = new Uint8Array(start.length + length)
  let at = 0
  for (const part of [start, head, name, middle, link]) {
    packet.set(part, at)
    at += part.length
  }
  return packet
}

function varint64(value: bigint): number[] {
  const bytes: number[] = []
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)]
    bytes.push(Number(rest & 127n) | 128)
  }
}
