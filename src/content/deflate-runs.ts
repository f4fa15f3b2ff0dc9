import { promisify } from 'node:util'
import { constants, deflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib'

const deflate = promisify<Buffer, ZlibOptions, Buffer>(deflateRaw)

/** Content is looked at in pieces of this size. Bytes. */
const SEGMENT = 1 << 14
const SAMPLE = 1 << 12
/** Bits per byte above which data is packed or encrypted already: deflate would only burn time on it. */
const INCOMPRESSIBLE = 7.7
/** Most that one stored deflate block holds (RFC 1951, 3.2.4). */
const MAX_STORED = 0xffff

/**
 * Bytes as deflate blocks that end on a byte boundary and are not the last (RFC 1951), so that results can be put one
 * after the other. Every stretch is treated as what it is: packed data is stored; data without repetitions is only
 * Huffman-coded; the rest gets the full search. The result depends on the bytes and `level` alone.
 */
export async function deflateRuns(bytes: Buffer, level: number): Promise<Buffer> {
  const runs = runsOf(bytes)
  const largest = runs
    .filter(({ packed }) => !packed)
    .reduce<Buffer | undefined>((found, { run }) => (found && found.length >= run.length ? found : run), undefined)
  const options = {
    ...(largest && hasNoRepetitions(largest) ? HUFFMAN : { level }),
    finishFlush: constants.Z_FULL_FLUSH,
  }
  return Buffer.concat(await Promise.all(runs.map(({ run, packed }) => (packed ? stored(run) : deflate(run, options)))))
}

function runsOf(bytes: Buffer): { run: Buffer; packed: boolean }[] {
  const runs: { run: Buffer; packed: boolean }[] = []
  let start = 0
  let packed = isPacked(bytes.subarray(0, SEGMENT))
  for (let at = SEGMENT; at < bytes.length; at += SEGMENT) {
    const next = isPacked(bytes.subarray(at, at + SEGMENT))
    if (next === packed) continue
    runs.push({ run: bytes.subarray(start, at), packed })
    start = at
    packed = next
  }
  runs.push({ run: bytes.subarray(start), packed })
  return runs
}

/** Whether bytes are spread so evenly that there is nothing to gain: their entropy, estimated on a sample. */
function isPacked(segment: Buffer): boolean {
  const count = new Uint32Array(256)
  const step = Math.max(1, Math.floor(segment.length / SAMPLE))
  let total = 0
  for (let i = 0; i < segment.length; i += step) {
    count[segment[i]!]! += 1
    total += 1
  }
  if (total < 1024) return false
  let bits = 0
  for (const n of count) if (n > 0) bits -= n * Math.log2(n / total)
  return bits / total > INCOMPRESSIBLE
}

/**
 * Whether the search for repetitions finds nothing in a sample: then coding alone gives the same size in a third of
 * the time.
 */
function hasNoRepetitions(run: Buffer): boolean {
  const middle = Math.max(0, (run.length - SAMPLE) >> 1)
  const sample = run.subarray(middle, middle + SAMPLE)
  return deflateRawSync(sample, { level: 1 }).length > deflateRawSync(sample, HUFFMAN).length * 0.98
}

const HUFFMAN: ZlibOptions = { strategy: constants.Z_HUFFMAN_ONLY, windowBits: 9 }

async function stored(run: Buffer): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let at = 0; at < run.length; at += MAX_STORED) {
    const piece = run.subarray(at, at + MAX_STORED)
    const head = Buffer.alloc(5)
    head.writeUInt16LE(piece.length, 1)
    head.writeUInt16LE(piece.length ^ 0xffff, 3)
    parts.push(head, piece)
  }
  return Buffer.concat(parts)
}
