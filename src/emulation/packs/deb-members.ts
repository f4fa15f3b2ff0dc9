import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startProgram } from '../../host/start.ts'
import { decodeExtension, decodeTarHeader } from '../../oci/tar-decode.ts'
import { TAR_BLOCK } from '../../oci/tar-format.ts'
import { partsOf, writePart } from './deb-parts.ts'

/** A file of a package. */
export interface WantedMember {
  /** What its path in the package is like. */
  readonly path: RegExp
  /** So much of it is wanted: behind that the file has a hole. Absent: all. Bytes. */
  readonly first?: number
}

/** Unpacking so much takes longer than to begin anew. Bytes. */
const WORTH_A_LEAP = 4 << 20
const LONGEST_NAME = 1 << 16

/**
 * Writes the first file of a package that each pattern fits into a folder. Neither what lies behind the last of them is
 * unpacked, nor whole blocks of files before it that nobody wants. False where one is missing, or is no plain file.
 */
export async function readMembers(
  deb: string,
  wanted: readonly WantedMember[],
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<boolean> {
  const parts = partsOf(deb)
  const blockOf = (at: number) => parts?.blocks.findLast(({ start }) => start <= at)
  const isLeap = (from: number, to: number) => (blockOf(to)?.start ?? 0) - from > WORTH_A_LEAP
  const open = new Set(wanted)
  const part = join(folder, '.part.deb')
  try {
    for (let at: number | undefined = 0; at !== undefined && open.size > 0; ) {
      const block = blockOf(at)
      const first = block ? parts!.blocks.indexOf(block) : 0
      if (first > 0) writePart(deb, parts!, { first, to: part })
      const file = first > 0 ? part : deb
      at = await readFrom(file, { start: block?.start ?? 0, at, open, folder, isLeap, signal })
      signal.throwIfAborted()
    }
    return open.size === 0
  } finally {
    rmSync(part, { force: true })
  }
}

/**
 * Reads a package whose files begin at `start`, from the header at `at`. Gives where the next header is that is better
 * gone to at once; nothing when there is no more to read.
 */
async function readFrom(
  deb: string,
  {
    start,
    at: begin,
    open,
    folder,
    isLeap,
    signal,
  }: {
    readonly start: number
    readonly at: number
    readonly open: Set<WantedMember>
    readonly folder: string
    readonly isLeap: (from: number, to: number) => boolean
    readonly signal: AbortSignal
  },
): Promise<number | undefined> {
  // With more threads it would unpack what comes after them
  const env = { ...process.env, DPKG_DEB_THREADS_MAX: '1' }
  const child = startProgram('dpkg-deb', ['--fsys-tarfile', deb], { env, stdio: ['ignore', 'pipe', 'ignore'], signal })
  child.once('error', () => undefined) // then it gives nothing
  try {
    const stream = piecesOf(child.stdout!)
    if (!(await stream.next(begin - start))) return undefined
    let fields = new Map<string, Buffer>()
    for (let at = begin; ; ) {
      const block = await stream.whole(TAR_BLOCK)
      const header = block && decodeTarHeader(block, { offset: at, fields })
      if (!header || header.kind === 'end') return undefined
      at += TAR_BLOCK
      const { size } = header.kind === 'entry' ? header.entry : header
      const padded = Math.ceil(size / TAR_BLOCK) * TAR_BLOCK
      let taken = 0
      if (header.kind === 'extension') {
        const body = size > LONGEST_NAME ? undefined : await stream.whole(size)
        if (!body) return undefined
        decodeExtension(header.flag, body, { fields, offset: at })
        taken = size
      } else {
        fields = new Map()
        const { path, type } = header.entry
        const one = path.split('/').includes('..') ? undefined : [...open].find((member) => member.path.test(path))
        if (one) {
          taken = Math.min(size, one.first ?? size)
          if (type !== 'file' || !(await save(stream, join(folder, path), { size, taken }))) return undefined
          open.delete(one)
          if (open.size === 0) return undefined
        }
      }
      if (isLeap(at + taken, at + padded)) return at + padded
      if (!(await stream.next(padded - taken))) return undefined
      at += padded
    }
  } finally {
    child.kill('SIGKILL')
    child.stdout!.destroy()
  }
}

/** Writes a member of the archive; false when the archive ends in it. */
async function save(stream: Pieces, path: string, { size, taken }: { size: number; taken: number }): Promise<boolean> {
  mkdirSync(dirname(path), { recursive: true })
  const file = openSync(path, 'w', 0o644)
  try {
    if (!(await stream.next(taken, (piece) => void writeSync(file, piece)))) return false
    ftruncateSync(file, size)
    return true
  } finally {
    closeSync(file)
  }
}

/** A stream that is read in pieces of given sizes. */
interface Pieces {
  /** Takes so many bytes; false when there are fewer. */
  next(size: number, onPiece?: (piece: Buffer) => void): Promise<boolean>
  whole(size: number): Promise<Buffer | undefined>
}

function piecesOf(stream: NodeJS.ReadableStream): Pieces {
  const source = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let rest: Buffer = Buffer.alloc(0)
  async function next(size: number, onPiece?: (piece: Buffer) => void): Promise<boolean> {
    for (let left = size; left > 0; ) {
      if (rest.length === 0) {
        const { done, value } = await source.next()
        if (done) return false
        rest = value
      }
      const piece = rest.subarray(0, left)
      onPiece?.(piece)
      left -= piece.length
      rest = rest.subarray(piece.length)
    }
    return true
  }
  return {
    next,
    async whole(size) {
      const pieces: Buffer[] = []
      return (await next(size, (piece) => void pieces.push(piece))) ? Buffer.concat(pieces) : undefined
    },
  }
}
