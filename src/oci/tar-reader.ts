import { decodeExtension, decodeTarHeader, shownName, tarError, type ExtensionFlag } from './tar-decode.ts'
import { createSparseReader, type SparseReader } from './tar-sparse.ts'
import { paddingOf, TAR_BLOCK, type TarEntry } from './tar-format.ts'

/** Receives a tar stream's entries in order; all calls are synchronous, so that nothing piles up in memory. */
export interface TarSink {
  entry(entry: TarEntry): void
  /** Data of the last entry, in pieces; whoever gives them does not change them afterwards. */
  data(chunk: Buffer): void
  /** So many zero bytes come next in the last entry, which its archive does not hold; absent: they come as data. */
  hole?(bytes: number): void
  /** The last entry is complete. */
  end(): void
}

/** A push parser of a tar stream. */
export interface TarReader {
  /**
   * Takes the next bytes. Throws BAD_IMAGE with the position of what is wrong, or what the sink throws; it is of no
   * use then.
   */
  write(chunk: Buffer): void
  /** No more bytes will come. Throws when the stream was cut. */
  finish(): void
}

/** More bytes of sparse files than this in one archive are an attack: holes take nothing in it. Bytes. */
const MAX_SPARSE = 64 * 2 ** 30
/** Holes become data in pieces of this size. Bytes. */
const ZEROS = Buffer.alloc(64 << 10)
/** Extended headers of one entry that are larger than this, together, are an attack and no name. Bytes. */
const MAX_EXTENSION = 1 << 20

/** Hands a hole on to a sink, as zero bytes when it knows no holes. */
export function passHole(sink: TarSink, bytes: number): void {
  if (sink.hole) return sink.hole(bytes)
  for (let left = bytes; left > 0; left -= ZEROS.length) sink.data(ZEROS.subarray(0, left))
}

type State =
  /** Collecting a header block, or the body of an extension with its padding. */
  | { readonly kind: 'header' }
  | { readonly kind: 'extension'; readonly flag: ExtensionFlag; readonly size: number }
  /** Handing on data, then skipping what fills the last block. */
  | { readonly kind: 'data'; left: number; padding: number; readonly sparse: SparseReader | undefined }
  | { readonly kind: 'end' }

/** A reader that calls `sink`; it holds one header at most. */
export function createTarReader(sink: TarSink): TarReader {
  let state: State = { kind: 'header' }
  let collected: Buffer = Buffer.allocUnsafe(TAR_BLOCK)
  let filled = 0
  let position = 0
  let extensionBytes = 0
  let sparseBytes = 0
  let fields = new Map<string, Buffer>()

  function write(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && state.kind !== 'end'; ) {
      const rest = chunk.subarray(at)
      at += state.kind === 'data' ? pass(rest, state) : collect(rest, state)
    }
  }

  function pass(bytes: Buffer, data: State & { kind: 'data' }): number {
    const taken = Math.min(bytes.length, data.left > 0 ? data.left : data.padding)
    if (data.left > 0) {
      data.left -= taken
      if (data.sparse) data.sparse.write(bytes.subarray(0, taken))
      else sink.data(bytes.subarray(0, taken))
      if (data.left === 0) complete(data.sparse)
    } else data.padding -= taken
    position += taken
    if (data.left === 0 && data.padding === 0) expect({ kind: 'header' }, TAR_BLOCK)
    return taken
  }

  function collect(bytes: Buffer, wanted: State & { kind: 'header' | 'extension' }): number {
    const taken = bytes.copy(collected, filled)
    filled += taken
    position += taken
    if (filled < collected.length) return taken
    const offset = position - filled
    if (wanted.kind === 'header') header(collected, offset)
    else {
      decodeExtension(wanted.flag, collected.subarray(0, wanted.size), { fields, offset })
      expect({ kind: 'header' }, TAR_BLOCK)
    }
    return taken
  }

  function header(block: Buffer, offset: number): void {
    const found = decodeTarHeader(block, { fields, offset })
    if (found.kind === 'end') {
      if (extensionBytes > 0) throw tarError(offset, 'an extended header has no entry')
      state = { kind: 'end' }
      return
    }
    if (found.kind === 'extension') {
      const { flag, size } = found
      // A global header belongs to no entry.
      if (flag !== 'g') extensionBytes += TAR_BLOCK + size
      if (Math.max(size, extensionBytes) > MAX_EXTENSION)
        throw tarError(offset, `the extended headers of one entry are larger than ${MAX_EXTENSION} bytes`)
      return size === 0
        ? expect({ kind: 'header' }, TAR_BLOCK)
        : expect({ kind: 'extension', flag, size }, size + paddingOf(size))
    }
    fields = new Map()
    extensionBytes = 0
    const { sparse, ...entry } = found.entry
    const { size } = entry
    if (sparse) sparseBytes += sparse.size
    if (sparseBytes > MAX_SPARSE)
      throw tarError(offset, `its sparse files have more than ${MAX_SPARSE} bytes, holes included`)
    const bad = (state: string) => tarError(offset, `"${shownName(entry.path)}" ${state}`)
    const filled = sparse && createSparseReader(sparse, { data: (chunk) => sink.data(chunk), hole }, bad)
    const data = { kind: 'data', left: size, padding: paddingOf(size), sparse: filled } as const
    expect(size === 0 ? { kind: 'header' } : data, TAR_BLOCK)
    sink.entry(sparse ? { ...entry, size: sparse.size } : entry)
    if (size === 0) complete(filled)
  }

  function hole(bytes: number): void {
    passHole(sink, bytes)
  }

  function complete(sparse: SparseReader | undefined): void {
    sparse?.finish()
    sink.end()
  }

  function expect(next: State, bytes: number): void {
    state = next
    filled = 0
    if (collected.length !== bytes) collected = Buffer.allocUnsafe(bytes)
  }

  function finish(): void {
    if (state.kind === 'data' || state.kind === 'extension' || extensionBytes > 0)
      throw tarError(position, 'it ends in the middle of an entry')
    if (filled > 0 && state.kind !== 'end') throw tarError(position, 'it ends in the middle of a header')
  }

  return { write, finish }
}
