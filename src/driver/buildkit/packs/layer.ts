import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { MEDIA_TYPE, type Descriptor } from '../../../oci/descriptor.ts'
import { encodeTarHeader, paddingOf, TAR_BLOCK } from '../../../oci/tar-format.ts'
import type { ByteRange } from '../session/contents.ts'

/** A file of a layer that is written nowhere: its bytes, or a file of this machine. */
export interface LayerFile {
  /** Without a slash before it. */
  readonly path: string
  readonly executable: boolean
  readonly content: Buffer | { readonly file: string; readonly size: number }
}

/** An uncompressed layer that is made anew each time it is read: the same files give the same bytes. */
export interface VirtualLayer {
  readonly descriptor: Descriptor
  read(range: ByteRange): Readable
}

type Piece = LayerFile['content']

/**
 * The layer of these files, all of them root's and as old as the epoch. Each is read once for the digest; `onFile` is
 * told its SHA-256 as hex.
 */
export async function virtualLayer(
  files: readonly LayerFile[],
  onFile?: (path: string, sha256: string) => void,
): Promise<VirtualLayer> {
  const pieces: Piece[] = []
  const hash = createHash('sha256')
  for (const path of foldersOf(files)) pieces.push(header(path, 'dir', 0o755, 0))
  hash.update(Buffer.concat(pieces as Buffer[]))
  for (const { path, executable, content } of files) {
    const size = sizeOf(content)
    const [head, end] = [header(path, 'file', executable ? 0o755 : 0o644, size), Buffer.alloc(paddingOf(size))]
    const own = createHash('sha256')
    hash.update(head)
    for await (const chunk of pieceStream(content, { start: 0, end: size - 1 })) {
      hash.update(chunk as Buffer)
      own.update(chunk as Buffer)
    }
    hash.update(end)
    onFile?.(path, own.digest('hex'))
    pieces.push(head, content, end)
  }
  const last = Buffer.alloc(2 * TAR_BLOCK)
  hash.update(last)
  pieces.push(last)
  const size = pieces.reduce((sum, piece) => sum + sizeOf(piece), 0)
  return {
    descriptor: { mediaType: MEDIA_TYPE.layer, digest: `sha256:${hash.digest('hex')}`, size },
    read: (range) => Readable.from(slice(pieces, range)),
  }
}

function header(path: string, type: 'file' | 'dir', mode: number, size: number): Buffer {
  return encodeTarHeader({ path, type, mode, uid: 0, gid: 0, size, mtime: 0 })
}

/** All folders above the files, parents first. */
function foldersOf(files: readonly LayerFile[]): string[] {
  const parts = files.map(({ path }) => path.split('/').slice(0, -1))
  return [...new Set(parts.flatMap((names) => names.map((_, index) => names.slice(0, index + 1).join('/'))))].sort()
}

function sizeOf(piece: Piece): number {
  return Buffer.isBuffer(piece) ? piece.length : piece.size
}

/** `end` is the last byte. */
function pieceStream(piece: Piece, { start, end }: ByteRange): AsyncIterable<unknown> {
  if (end < start) return Readable.from([])
  return Buffer.isBuffer(piece)
    ? Readable.from([piece.subarray(start, end + 1)])
    : createReadStream(piece.file, { start, end, highWaterMark: 1 << 18 })
}

async function* slice(pieces: readonly Piece[], { start, end }: ByteRange): AsyncGenerator<unknown> {
  let at = 0
  for (const piece of pieces) {
    const size = sizeOf(piece)
    const [from, to] = [Math.max(0, start - at), Math.min(size - 1, end - at)]
    if (from <= to) yield* pieceStream(piece, { start: from, end: to })
    at += size
    if (at > end) return
  }
}
