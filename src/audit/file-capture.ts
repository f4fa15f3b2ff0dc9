import { rangesOf, type Range } from './elf-headers.ts'
import type { FileBytes } from './types.ts'

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
    const wanted = rangesOf({ size, at: atOf(head, size) }).filter(({ offset, length }) => {
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

  return { write, bytes: () => ({ size, at: atOf([...head, ...(later ?? [])], size) }) }
}

/** A file that is there as a whole. */
export function wholeFile(bytes: Buffer): FileBytes {
  return { size: bytes.length, at: atOf([{ offset: 0, bytes }], bytes.length) }
}

function copyInto({ offset, bytes }: Part, from: Part): void {
  const start = Math.max(offset, from.offset)
  const end = Math.min(offset + bytes.length, from.offset + from.bytes.length)
  if (start < end) from.bytes.copy(bytes, start - offset, start - from.offset, end - from.offset)
}

function atOf(parts: readonly Part[], size: number): FileBytes['at'] {
  return (offset, length) => {
    const end = offset + length
    if (!(offset >= 0 && length >= 0 && end <= size)) return undefined
    for (const part of parts)
      if (offset >= part.offset && end <= part.offset + part.bytes.length)
        return part.bytes.subarray(offset - part.offset, end - part.offset)
    // Over several pieces, which follow each other in the head
    const found: Buffer[] = []
    let at = offset
    for (const one of parts) {
      if (at >= end || at < one.offset || at >= one.offset + one.bytes.length) continue
      found.push(one.bytes.subarray(at - one.offset, end - one.offset))
      at = Math.min(end, one.offset + one.bytes.length)
    }
    return at === end ? Buffer.concat(found) : undefined
  }
}
