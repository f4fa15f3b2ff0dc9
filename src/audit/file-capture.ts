import { rangesOf, type Range } from './elf-program.ts'
import type { FileBytes } from './types.ts'

/** The beginning of a file that is kept: nearly all files are smaller. Bytes. */
const HEAD = 4 << 20
/** The end of a file that is kept: attributes lie there. Bytes. */
const TAIL = 128 << 10
/** All further parts together. Bytes. */
const MAX_RANGES = 2 << 20

/** Keeps of a file that goes by what says what it is made for; memory does not grow with the file. */
export interface FileCapture {
  write(chunk: Buffer): void
  /** What was kept, once the file has gone by. */
  bytes(): FileBytes
}

export function createFileCapture(size: number): FileCapture {
  const head = Buffer.allocUnsafe(Math.min(size, HEAD))
  const tailFrom = Math.max(head.length, size - TAIL)
  const kept: { readonly offset: number; readonly bytes: Buffer }[] = [{ offset: 0, bytes: head }]
  let position = 0
  let ranges: readonly Range[] | undefined

  function write(chunk: Buffer): void {
    const start = position
    position += chunk.length
    if (!ranges && position >= head.length) {
      for (const part of kept) keep(part, chunk, start)
      ranges = size > head.length ? partsAfterHead() : []
      for (const { offset, length } of ranges) kept.push({ offset, bytes: Buffer.alloc(length) })
    }
    for (const part of kept) keep(part, chunk, start)
  }

  function partsAfterHead(): Range[] {
    let room = MAX_RANGES
    const wanted = rangesOf({ size, at: atOf([kept[0]!], size) }).filter(({ offset, length }) => {
      const isNew = offset + length > head.length && offset + length <= size && length <= room
      if (isNew) room -= length
      return isNew
    })
    return [...wanted, ...(tailFrom < size ? [{ offset: tailFrom, length: size - tailFrom }] : [])]
  }

  function keep({ offset, bytes }: { readonly offset: number; readonly bytes: Buffer }, chunk: Buffer, start: number) {
    const from = Math.max(offset, start)
    const to = Math.min(offset + bytes.length, start + chunk.length)
    if (from < to) chunk.copy(bytes, from - offset, from - start, to - start)
  }

  return { write, bytes: () => ({ size, at: atOf(kept, size) }) }
}

function atOf(kept: readonly { readonly offset: number; readonly bytes: Buffer }[], size: number): FileBytes['at'] {
  return (offset, length) => {
    if (!(offset >= 0 && length >= 0 && offset + length <= size)) return undefined
    const part = kept.find((one) => offset >= one.offset && offset + length <= one.offset + one.bytes.length)
    return part?.bytes.subarray(offset - part.offset, offset - part.offset + length)
  }
}
