import { open, type FileHandle } from 'node:fs/promises'
import { constants } from 'node:fs'
import { Readable } from 'node:stream'
import { XbuildError } from '../errors.ts'
import { MAX_CONFIG_BYTES } from '../oci/read-image-config.ts'
import { decodeExtension, decodeTarHeader, isTarHeader, tarError } from '../oci/tar-decode.ts'
import { paddingOf, TAR_BLOCK } from '../oci/tar-format.ts'
import { LAYOUT_HINT, type LayoutFiles } from './layout-files.ts'

/** More files than the archive of any image has. */
const MAX_FILES = 100_000
const MAX_EXTENSION = 1 << 20
const PIECE = 1 << 20

/** The files of an OCI layout in a tar archive, read where they lie. */
export interface ArchiveFiles extends LayoutFiles {
  close(): Promise<void>
}

interface Place {
  readonly start: number
  readonly size: number
  readonly isFile: boolean
}

/** Opens a plain tar archive and finds its files; their content is skipped. `shown` is its name in messages. */
export async function openArchive(path: string, shown: string = path): Promise<ArchiveFiles> {
  const bad = (state: string, hint = LAYOUT_HINT) =>
    new XbuildError('BAD_IMAGE', `Cannot read "${shown}": ${state}`, { hint })
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: NodeJS.ErrnoException) => {
    throw new XbuildError(
      'NOT_FOUND',
      `Cannot read "${shown}": ${cause.code === 'ENOENT' ? 'no such file' : cause.message}`,
      { cause },
    )
  })
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw bad('it is no regular file', 'Name the tar archive of an OCI layout')
    const head = await readAt(handle, 0, TAR_BLOCK)
    if (!isTarHeader(head))
      throw bad('it is no plain tar archive', 'Unpack it first if it is compressed: gunzip FILE, zstd -d FILE')
    const places = await findFiles(handle, found.size)
    const index = places.get('index.json')
    if (!index?.isFile)
      throw bad(
        places.has('manifest.json')
          ? 'it has a manifest.json of docker save, but no index.json'
          : 'it has no index.json',
        'An OCI layout is needed: xbuild build -o type=oci,dest=FILE, skopeo copy ... oci-archive:FILE, or docker save of Docker 25 or later',
      )
    const placeOf = (name: string) => places.get(name)
    const read = ({ start, size }: Place) => readAt(handle, start, size)
    return {
      nameOf: (ref) => `${shown}${ref === undefined ? '' : ref.startsWith('sha256:') ? `@${ref}` : `:${ref}`}`,
      stat: async (name) => placeOf(name),
      read: (name) => read(placeOf(name)!),
      stream: (name, offset) => {
        const { start, size } = placeOf(name)!
        return Readable.from(pieces(handle, start + offset, start + size), { objectMode: false })
      },
      index: async () => {
        if (index.size > MAX_CONFIG_BYTES) throw bad(`its index.json has more than ${MAX_CONFIG_BYTES} bytes`)
        return read(index)
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function findFiles(handle: FileHandle, end: number): Promise<ReadonlyMap<string, Place>> {
  const found = new Map<string, Place>()
  let fields = new Map<string, Buffer>()
  for (let at = 0; at + TAR_BLOCK <= end; ) {
    const header = decodeTarHeader(await readAt(handle, at, TAR_BLOCK), { fields, offset: at })
    if (header.kind === 'end') break
    const start = at + TAR_BLOCK
    const size = header.kind === 'entry' ? header.entry.size : header.size
    if (start + size > end) throw tarError(at, 'it ends in the middle of an entry')
    if (header.kind === 'extension') {
      if (size > MAX_EXTENSION) throw tarError(at, `an extended header is larger than ${MAX_EXTENSION} bytes`)
      decodeExtension(header.flag, await readAt(handle, start, size), { fields, offset: at })
    } else {
      fields = new Map()
      if (found.size >= MAX_FILES) throw tarError(at, `it has more than ${MAX_FILES} files`)
      found.set(header.entry.path.replace(/^(?:\.\/)+/, ''), {
        start,
        size,
        isFile: header.entry.type === 'file' && !header.entry.sparse,
      })
    }
    at = start + size + paddingOf(size)
  }
  return found
}

async function* pieces(handle: FileHandle, from: number, to: number): AsyncGenerator<Buffer, void, undefined> {
  for (let at = from; at < to; ) {
    const piece = await readAt(handle, at, Math.min(PIECE, to - at))
    if (piece.length === 0) return
    at += piece.length
    yield piece
  }
}

async function readAt(handle: FileHandle, position: number, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size)
  let done = 0
  while (done < size) {
    const { bytesRead } = await handle.read(bytes, done, size - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}
