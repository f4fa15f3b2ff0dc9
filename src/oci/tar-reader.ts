import { XbuildError } from '../errors.ts'
import { decodeExtension, decodeTarHeader, paddingOf, TAR_BLOCK, type TarEntry } from './tar-format.ts'

/** Receives a tar stream's entries in order; all calls are synchronous, so that nothing piles up in memory. */
export interface TarSink {
  entry(entry: TarEntry): void
  /** Data of the last entry, in pieces. */
  data(chunk: Buffer): void
  /** The last entry is complete. */
  end(): void
}

/** A pax header larger than this is an attack, not a name. */
const MAX_EXTENSION = 1 << 20

/** A push parser: feed it the bytes of a tar stream, it calls the sink; `finish` throws when the stream was cut. */
export function createTarReader(sink: TarSink): { write(chunk: Buffer): void; finish(): void } {
  let pending: Buffer = Buffer.alloc(0)
  let fields = new Map<string, Buffer>()
  let state: { kind: 'header' } | { kind: 'data'; left: number; pad: number } | { kind: 'extension'; flag: 'x' | 'g' | 'L' | 'K'; size: number } | { kind: 'end' } = { kind: 'header' }
  let started = false

  function write(chunk: Buffer): void {
    let buffer = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk
    pending = Buffer.alloc(0)
    let at = 0
    while (at < buffer.length && state.kind !== 'end') {
      if (state.kind === 'data') {
        if (state.left > 0) {
          const piece = buffer.subarray(at, at + state.left)
          sink.data(piece)
          state.left -= piece.length
          at += piece.length
          if (state.left === 0) sink.end()
        } else {
          const skip = Math.min(state.pad, buffer.length - at)
          state.pad -= skip
          at += skip
        }
        if (state.left === 0 && state.pad === 0) state = { kind: 'header' }
        continue
      }
      const need: number = state.kind === 'header' ? TAR_BLOCK : state.size + paddingOf(state.size)
      if (buffer.length - at < need) {
        pending = Buffer.from(buffer.subarray(at))
        return
      }
      const part = buffer.subarray(at, at + need)
      at += need
      if (state.kind === 'extension') {
        decodeExtension(state.flag, part.subarray(0, state.size), fields)
        state = { kind: 'header' }
      } else header(part)
    }
    buffer = Buffer.alloc(0)
  }

  function header(block: Buffer): void {
    const found = decodeTarHeader(block, { fields })
    started = true
    if (found.kind === 'end') {
      state = { kind: 'end' }
    } else if (found.kind === 'extension') {
      if (found.size > MAX_EXTENSION) throw new XbuildError('BAD_IMAGE', `Cannot read a tar archive: a header of ${found.size} bytes`)
      state = { kind: 'extension', flag: found.flag, size: found.size }
      if (found.size === 0) state = { kind: 'header' }
    } else {
      fields = new Map()
      sink.entry(found.entry)
      if (found.entry.size === 0) sink.end()
      else state = { kind: 'data', left: found.entry.size, pad: paddingOf(found.entry.size) }
    }
  }

  function finish(): void {
    const cut = state.kind === 'data' || state.kind === 'extension' || pending.length > 0
    if (cut) throw new XbuildError('BAD_IMAGE', `Cannot read a tar archive: it ends ${started ? 'in the middle of an entry' : 'before its first entry'}`)
  }

  return { write, finish }
}
