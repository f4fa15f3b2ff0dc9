import { goPackages } from './languages.ts'
import type { Package } from './types.ts'

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1')
/** Bytes from the mark on that are kept: the longest lists of modules are a tenth of that. */
const MAX = 1 << 20
/** Programs that read such marks hold the text of it, too. */
const MAX_MARKS = 8

/** Looks for what Go wrote into a program that goes by. */
export interface GoSearch {
  write(chunk: Buffer): void
  packages(): readonly Package[]
}

export function createGoSearch(): GoSearch {
  const marks: { bytes: Buffer; size: number }[] = []
  let tail: Buffer = Buffer.alloc(0)

  function open(bytes: Buffer): void {
    if (marks.length >= MAX_MARKS) return
    marks.push({ bytes: Buffer.from(bytes.subarray(0, MAX)), size: Math.min(bytes.length, MAX) })
  }

  return {
    write(chunk) {
      for (const mark of marks) {
        if (mark.size >= MAX) continue
        const more = chunk.subarray(0, MAX - mark.size)
        if (mark.size + more.length > mark.bytes.length)
          mark.bytes = Buffer.concat([mark.bytes.subarray(0, mark.size)], Math.min(MAX, 2 * (mark.size + more.length)))
        more.copy(mark.bytes, mark.size)
        mark.size += more.length
      }
      const before = tail.length
      const seam = Buffer.concat([tail, chunk.subarray(0, MAGIC.length - 1)])
      const across = seam.indexOf(MAGIC)
      if (across >= 0 && across < before) open(Buffer.concat([tail.subarray(across), chunk]))
      for (let at = chunk.indexOf(MAGIC); at >= 0; at = chunk.indexOf(MAGIC, at + 1)) open(chunk.subarray(at))
      tail =
        chunk.length >= MAGIC.length - 1
          ? Buffer.from(chunk.subarray(chunk.length - MAGIC.length + 1))
          : Buffer.from(seam.subarray(Math.max(0, seam.length - MAGIC.length + 1)))
    },
    packages() {
      for (const { bytes, size } of marks) {
        const found = goPackages(bytes.subarray(0, size))
        if (found.length > 0) return found
      }
      return []
    },
  }
}
