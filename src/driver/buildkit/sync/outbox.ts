import { FRAME_HEADER } from '../grpc/frames.ts'
import type { WriteFrames } from '../grpc/messages.ts'
import type { OpenFile, TreeEntry } from './tree.ts'

/**
 * Packets on their way out, written by hand into large buffers: of tens of thousands of small files, most of the time
 * would go into encoding and writing each packet by itself. The fields are those of `fsutil.proto`.
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

  function stat(entry: TreeEntry): void | Promise<void> {
    if (used + FRAME_HEADER + statRoom(entry) > SIZE) return flush().then(() => stat(entry))
    const end = writeStat(buffer, used + FRAME_HEADER, entry)
    header(used, end - used - FRAME_HEADER)
    used = end
  }

  function header(at: number, length: number): number {
    buffer[at] = 0
    return buffer.writeUInt32BE(length, at + 1)
  }

  return {
    flush,
    stat,
    bare: (type, id) =>
      append(
        Uint8Array.from([...(type === 0 ? [] : [0x08, type]), ...(id === undefined ? [] : [0x18, ...varint(id)])]),
      ),
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

/** Most bytes of a packet of type STAT beside its names. */
const STAT_HEADER = 64

/** A packet of type STAT by itself. */
export function encodeStat(entry: TreeEntry): Uint8Array {
  const packet = Buffer.alloc(statRoom(entry))
  return packet.subarray(0, writeStat(packet, 0, entry))
}

/** Bytes that a packet of type STAT takes at most: a character of a string is at most three. */
function statRoom({ path, linkname }: TreeEntry): number {
  return STAT_HEADER + 3 * (path.length + (linkname?.length ?? 0))
}

/** Writes a packet of type STAT, which is 0 and so not written; gives back where it ends. */
function writeStat(buffer: Buffer, at: number, { path, mode, size, modified, linkname = '' }: TreeEntry): number {
  const [name, link] = [Buffer.byteLength(path), Buffer.byteLength(linkname)]
  const [big, time] = [size === 0n ? 0 : 1 + varint64Length(size), varint64Length(modified)]
  const length =
    1 +
    varintLength(name) +
    name +
    1 +
    varintLength(mode) +
    big +
    1 +
    time +
    (link === 0 ? 0 : 1 + varintLength(link) + link)
  buffer[at++] = 0x12
  at = putVarint(buffer, at, length)
  buffer[at++] = 0x0a
  at = putVarint(buffer, at, name)
  at += buffer.write(path, at)
  buffer[at++] = 0x10
  at = putVarint(buffer, at, mode)
  if (big > 0) {
    buffer[at++] = 0x28
    at = putVarint64(buffer, at, size)
  }
  buffer[at++] = 0x30
  at = putVarint64(buffer, at, modified)
  if (link === 0) return at
  buffer[at++] = 0x3a
  at = putVarint(buffer, at, link)
  return at + buffer.write(linkname, at)
}

function varintLength(value: number): number {
  let length = 1
  for (; value > 127; value = Math.floor(value / 128)) length++
  return length
}

function putVarint(buffer: Buffer, at: number, value: number): number {
  for (; value > 127; value = Math.floor(value / 128)) buffer[at++] = (value % 128) | 128
  buffer[at] = value
  return at + 1
}

/** Where a 64-bit number is taken apart into halves: arithmetic on bigints makes a new one at every step. */
const wide = new DataView(new ArrayBuffer(8))

function varint64Length(value: bigint): number {
  wide.setBigInt64(0, value)
  const high = wide.getUint32(0)
  const bits = high === 0 ? 32 - Math.clz32(wide.getUint32(4)) : 64 - Math.clz32(high)
  return Math.max(1, Math.ceil(bits / 7))
}

function putVarint64(buffer: Buffer, at: number, value: bigint): number {
  const end = at + varint64Length(value)
  let [low, high] = [wide.getUint32(4), wide.getUint32(0)]
  for (; at < end - 1; at++) {
    buffer[at] = (low & 127) | 128
    low = ((low >>> 7) | (high << 25)) >>> 0
    high >>>= 7
  }
  buffer[at] = low & 127
  return end
}
