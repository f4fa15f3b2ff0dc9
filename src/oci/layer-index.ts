import { createHash } from 'node:crypto'
import type { TarEntry } from './tar-format.ts'
import type { TarSink } from './tar-reader.ts'

/** Content is compared in blocks of this size. Bytes. */
export const INDEX_BLOCK: number = 64 << 10
/** What is kept of the hash of a block. Bytes. */
const HASH = 8
/** More than any layer needs, in characters and bytes: a hostile one must not fill the memory. */
const MAX_KEPT = 128 << 20
/** What an entry takes beside its texts. */
const ENTRY = 128

/** An entry of a layer, with the hashes of the blocks of its content one after the other. */
export interface IndexedEntry {
  readonly entry: TarEntry
  readonly blocks: Buffer
}

/** All that a layer says of its files, by their paths in the order of the archive; of equal paths the last counts. */
export interface LayerIndex {
  readonly entries: ReadonlyMap<string, IndexedEntry>
  /** There was more than is kept. */
  readonly isCut: boolean
}

/** Reads the entries of a layer as they go by. */
export function createLayerIndex(maxKept: number = MAX_KEPT): TarSink & { result(): LayerIndex } {
  const entries = new Map<string, IndexedEntry>()
  let left = maxKept
  let open: { readonly entry: TarEntry; readonly hashes: Buffer[]; block: ReturnType<typeof createHash> } | undefined
  let filled = 0

  function closeBlock(): void {
    if (!open || filled === 0) return
    open.hashes.push(open.block.digest().subarray(0, HASH))
    open.block = createHash('sha256')
    filled = 0
  }

  return {
    entry(entry) {
      left -= ENTRY + entry.path.length + (entry.link?.length ?? 0) + Math.ceil(entry.size / INDEX_BLOCK) * HASH
      for (const [name, value] of entry.xattrs ?? []) left -= name.length + value.length
      open = left < 0 ? undefined : { entry, hashes: [], block: createHash('sha256') }
      filled = 0
    },
    data(chunk) {
      if (!open) return
      for (let at = 0; at < chunk.length; ) {
        const taken = Math.min(chunk.length - at, INDEX_BLOCK - filled)
        open.block.update(chunk.subarray(at, at + taken))
        filled += taken
        at += taken
        if (filled === INDEX_BLOCK) closeBlock()
      }
    },
    end() {
      closeBlock()
      if (open) entries.set(open.entry.path, { entry: open.entry, blocks: Buffer.concat(open.hashes) })
      open = undefined
    },
    result: () => ({ entries, isCut: left < 0 }),
  }
}

/** The number of the first block that differs, from 0; nothing when the content is the same. */
export function firstOtherBlock(a: IndexedEntry, b: IndexedEntry): number | undefined {
  if (a.entry.size === b.entry.size && a.blocks.equals(b.blocks)) return undefined
  const most = Math.max(a.blocks.length, b.blocks.length)
  for (let at = 0; at < most; at += HASH)
    if (!a.blocks.subarray(at, at + HASH).equals(b.blocks.subarray(at, at + HASH))) return at / HASH
  return undefined
}

/** Keeps one block of the content of each path that is wanted: by path, the number of the block. */
export function createBlockCapture(
  wanted: ReadonlyMap<string, number>,
): TarSink & { result(): ReadonlyMap<string, Buffer> } {
  const found = new Map<string, Buffer>()
  let open: { readonly path: string; readonly from: number; readonly pieces: Buffer[] } | undefined
  let position = 0
  return {
    entry({ path }) {
      const block = wanted.get(path)
      open = block === undefined ? undefined : { path, from: block * INDEX_BLOCK, pieces: [] }
      position = 0
    },
    data(chunk) {
      if (open) {
        const from = Math.max(0, open.from - position)
        const to = Math.max(0, open.from + INDEX_BLOCK - position)
        // The chunk is valid during the call only
        if (from < chunk.length && to > 0) open.pieces.push(Buffer.from(chunk.subarray(from, to)))
      }
      position += chunk.length
    },
    end() {
      if (open) found.set(open.path, Buffer.concat(open.pieces))
      open = undefined
    },
    result: () => found,
  }
}
