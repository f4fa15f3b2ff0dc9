import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { deflateRuns } from './deflate-runs.ts'

/**
 * A block is compressed by itself, so that all processors work; the result does not depend on how many there are.
 * Bytes.
 */
const BLOCK = 1 << 20
const IN_FLIGHT = 4
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])

/** Digests and sizes of what was written: `digest` of the compressed bytes, `diffId` of the plain ones. */
export interface WrittenGzip {
  readonly digest: string
  readonly diffId: string
  readonly size: number
  readonly plainSize: number
}

/**
 * A gzip file (RFC 1952, one member) that is filled by appending to a buffer: no byte is copied twice, memory stays
 * flat.
 */
export interface GzipFile {
  /** Room to write into, at least one byte; say how much was written with `wrote`. */
  room(): Buffer
  wrote(bytes: number): Promise<void>
  write(bytes: Buffer): Promise<void>
  finish(): Promise<WrittenGzip>
  abort(): Promise<void>
}

/** Opens `path`, which must not exist. `level` is zlib's. */
export async function createGzipFile(path: string, level: number): Promise<GzipFile> {
  const file = await open(path, 'wx', 0o600)
  const plain = createHash('sha256')
  const packed = createHash('sha256')
  let crc = 0
  let plainSize = 0
  let size = 0
  let block = Buffer.allocUnsafe(BLOCK)
  let filled = 0
  let tail: Promise<void> = Promise.resolve()
  let inFlight: Promise<void>[] = []

  async function append(bytes: Buffer): Promise<void> {
    packed.update(bytes)
    size += bytes.length
    await file.writeFile(bytes) // unlike `write` it does not stop half-way when the disk fills up
  }

  function compress(bytes: Buffer): void {
    plain.update(bytes)
    crc = crc32(bytes, crc)
    plainSize += bytes.length
    const result = deflateRuns(bytes, level)
    tail = Promise.all([tail, result]).then(([, out]) => append(out))
    tail.catch(() => undefined) // reported by whoever waits for it next
    inFlight.push(tail)
  }

  async function flush(): Promise<void> {
    if (filled === 0) return
    compress(block.subarray(0, filled))
    block = Buffer.allocUnsafe(BLOCK)
    filled = 0
    if (inFlight.length >= IN_FLIGHT) await inFlight.shift()
  }

  async function wrote(bytes: number): Promise<void> {
    filled += bytes
    if (filled === BLOCK) await flush()
  }

  async function write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const count = bytes.copy(block, filled, at)
      at += count
      await wrote(count)
    }
  }

  async function finish(): Promise<WrittenGzip> {
    await flush()
    await tail
    inFlight = []
    const end = Buffer.alloc(10)
    end.writeUInt8(3, 0) // an empty last block
    end.writeUInt32LE(crc, 2)
    end.writeUInt32LE(plainSize % 2 ** 32, 6)
    await append(end)
    await file.sync()
    await file.close()
    return { digest: `sha256:${packed.digest('hex')}`, diffId: `sha256:${plain.digest('hex')}`, size, plainSize }
  }

  await append(HEADER)
  return {
    room: () => block.subarray(filled),
    wrote,
    write,
    finish,
    async abort() {
      await tail.catch(() => undefined)
      await file.close().catch(() => undefined)
    },
  }
}
