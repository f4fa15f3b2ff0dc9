import { rangesOf } from './elf-headers.ts'
import type { FileBytes, Range } from './types.ts'

/** The beginning of a file that is kept: nearly all files are smaller. Bytes. */
const HEAD = 4 << 20
/** The end of a file that is kept: attributes lie there. Bytes. */
const TAIL = 128 << 10
/** All further parts together. Bytes. */
const MAX_RANGES = 2 << 20
/** Pieces that are smaller are put together: each one that is kept takes memory beside its bytes. Bytes. */
const SMALL = 1 << 10

/**
 * Keeps of a file that goes by what says what it is made for; memory does not grow with the file. Pieces of its
 * beginning are kept as they come and not copied: who writes them does not change them afterwards.
 */
export interface FileCapture {
  write(chunk: Buffer): void
  /** What was kept, once the file has gone by. */
  bytes(): FileBytes
}

interface Part {
  readonly offset: number
  bytes: Buffer
}

export function createFileCapture(size: number): FileCapture {
  const headSize = Math.min(size, HEAD)
  const tailFrom = Math.max(headSize, size - TAIL)
  const head: Part[] = []
  let later: readonly Part[] | undefined
  let position = 0

  function write(chunk: Buffer): void {
    const start = position
    position += chunk.length
    if (start < headSize) keepHead(chunk.subarray(0, headSize - start), start)
    if (position < headSize) return
    later ??= size > headSize ? partsAfterHead() : []
    for (const part of later) copyInto(part, { offset: start, bytes: chunk })
  }

  function keepHead(bytes: Buffer, offset: number): void {
    const last = head.at(-1)
    if (last && last.bytes.length < SMALL) last.bytes = Buffer.concat([last.bytes, bytes])
    else head.push({ offset, bytes })
  }

  function partsAfterHead(): Part[] {
    let room = MAX_RANGES
    const wanted = rangesOf(partsOf(head, size)).filter(({ offset, length }) => {
      const isNew = offset + length > headSize && offset + length <= size && length <= room
      if (isNew) room -= length
      return isNew
    })
    const tail: Range[] = tailFrom < size ? [{ offset: tailFrom, length: size - tailFrom }] : []
    return [...wanted, ...tail].map(({ offset, length }) => {
      const part = { offset, bytes: Buffer.alloc(length) }
      for (const before of head) copyInto(part, before)
      return part
    })
  }

  return { write, bytes: () => partsOf([...head, ...(later ?? [])], size) }
}

/** A file that is there as a whole. */
export function wholeFile(bytes: Buffer): FileBytes {
  const size = bytes.length
  return {
    size,
    at: (offset, length) =>
      offset >= 0 && length >= 0 && offset + length <= size ? bytes.subarray(offset, offset + length) : undefined,
    find(text, offset, length) {
      if (!(offset >= 0 && offset + length <= size)) return undefined
      const at = bytes.subarray(offset, offset + length).indexOf(text)
      return at < 0 ? undefined : offset + at
    },
  }
}

function copyInto({ offset, bytes }: Part, from: Part): void {
  const start = Math.max(offset, from.offset)
  const end = Math.min(offset + bytes.length, from.offset + from.bytes.length)
  if (start < end) from.bytes.copy(bytes, start - offset, start - from.offset, end - from.offset)
}

function partsOf(parts: readonly Part[], size: number): FileBytes {
  /** The bytes of several pieces, which follow each other in the head. */
  function pieces(offset: number, length: number): Buffer[] | undefined {
    const end = offset + length
    const found: Buffer[] = []
    let at = offset
    for (const one of parts) {
      if (at >= end || at < one.offset || at >= one.offset + one.bytes.length) continue
      found.push(one.bytes.subarray(at - one.offset, end - one.offset))
      at = Math.min(end, one.offset + one.bytes.length)
    }
    return at === end ? found : undefined
  }
  return {
    size,
    at(offset, length) {
      const end = offset + length
      if (!(offset >= 0 && length >= 0 && end <= size)) return undefined
      for (const { offset: from, bytes } of parts)
        if (offset >= from && end <= from + bytes.length) return bytes.subarray(offset - from, end - from)
      const found = pieces(offset, length)
      return found && Buffer.concat(found)
    },
    find(text, offset, length) {
      const found = offset >= 0 && offset + length <= size ? pieces(offset, length) : undefined
      return found && findIn(found, text, offset)
    },
  }
}

/** Where a text begins in pieces that follow each other from `offset` on; they are not put together for it. */
function findIn(pieces: readonly Buffer[], text: Buffer, offset: number): number | undefined {
  let start = offset
  let before: Buffer = Buffer.alloc(0)
  for (const piece of pieces) {
    const rest = text.length - 1
    const seam = Buffer.concat([before, piece.subarray(0, rest)])
    const over = seam.indexOf(text)
    if (over >= 0) return start - before.length + over
    const inside = piece.indexOf(text)
    if (inside >= 0) return start + inside
    before = piece.length >= rest ? piece.subarray(piece.length - rest) : seam.subarray(Math.max(0, seam.length - rest))
    start += piece.length
  }
  return undefined
}
