import { nameOfBytes } from '../byte-name.ts'
import type { XbuildError } from '../errors.ts'
import { TAR_BLOCK, type SparseFile } from './tar-format.ts'

/** Turns the data of a sparse entry into that of the file. */
export interface SparseReader {
  /** Takes the next bytes of the entry. */
  write(chunk: Buffer): void
  /** The entry is complete. Gives the hole at the end. */
  finish(): void
}

/** A list of pieces is text of at most this size. Bytes. */
const MAX_MAP = 1 << 20
const VERSIONS = ['0.0', '0.1', '1.0']

/**
 * The sparse file that pax records tell of, in the formats 0.0, 0.1 and 1.0 of GNU tar; nothing for other files.
 * Records of 0.0 come with their numbers joined in `GNU.sparse.map`. `bad` makes the error of a bad one.
 */
export function sparseOf(
  fields: ReadonlyMap<string, Buffer>,
  bad: (state: string) => XbuildError,
): SparseFile | undefined {
  const text = (key: string) => {
    const value = fields.get(`GNU.sparse.${key}`)
    return value && nameOfBytes(value)
  }
  const pieces = text('map')
  const version = text('major') === undefined ? '0.1' : `${text('major')}.${text('minor')}`
  const size = text('realsize') ?? text('size')
  if ((pieces === undefined && text('major') === undefined) || !VERSIONS.includes(version) || size === undefined)
    return undefined
  const name = text('name')
  const numbers = version === '1.0' ? undefined : (pieces ?? '').split(',').filter(Boolean).map(number)
  const file = { ...(name ? { name } : {}), size: number(size), ...(numbers ? { map: numbers } : {}) }
  if (!Number.isSafeInteger(file.size) || (numbers && !isMap(numbers, file.size))) throw bad('has a bad list of holes')
  return file
}

/** Gets a sparse file piece by piece. */
export interface SparseSink {
  data(chunk: Buffer): void
  hole(bytes: number): void
}

/** A reader that gives the file to a sink. `bad` makes the error of a bad entry. */
export function createSparseReader(
  { size, map }: SparseFile,
  sink: SparseSink,
  bad: (state: string) => XbuildError,
): SparseReader {
  let pieces = map
  let head = Buffer.alloc(0)
  let index = 0
  let at = 0
  let inPiece = 0

  function write(chunk: Buffer): void {
    if (pieces) return fill(chunk)
    head = Buffer.concat([head, chunk])
    if (head.length > MAX_MAP + TAR_BLOCK) throw bad('has a list of holes that is too long')
    const found = readMap(head)
    if (!found) return
    if (!isMap(found.map, size)) throw bad('has a bad list of holes')
    pieces = found.map
    fill(head.subarray(found.end))
    head = Buffer.alloc(0)
  }

  function fill(chunk: Buffer): void {
    for (let from = 0; from < chunk.length; ) {
      const [offset, length] = [pieces![index], pieces![index + 1]]
      if (offset === undefined || length === undefined) throw bad('has more data than its list of holes says')
      if (inPiece === 0) holeUntil(offset)
      const taken = Math.min(chunk.length - from, length - inPiece)
      if (taken > 0) sink.data(chunk.subarray(from, from + taken))
      from += taken
      at += taken
      inPiece += taken
      if (inPiece === length) {
        index += 2
        inPiece = 0
      }
    }
  }

  function holeUntil(offset: number): void {
    if (offset > at) sink.hole(offset - at)
    at = Math.max(at, offset)
  }

  function finish(): void {
    const left = pieces?.slice(index).filter((_, place) => place % 2 === 1)
    if (!left || inPiece > 0 || left.some((length) => length > 0))
      throw bad('has less data than its list of holes says')
    holeUntil(size)
  }

  return { write, finish }
}

/** The list at the beginning of an entry's data (format 1.0): lines of numbers, filled up to a whole block. */
function readMap(data: Buffer): { map: number[]; end: number } | undefined {
  const text = data.toString('latin1', 0, MAX_MAP)
  const [count = '', ...rest] = text.split('\n').slice(0, -1)
  const wanted = number(count) * 2
  if (text.includes('\n') && !(wanted <= MAX_MAP)) return { map: [NaN], end: data.length }
  if (count === '' || rest.length < wanted) return undefined
  const lines = [count, ...rest.slice(0, wanted)]
  const end = Math.ceil(lines.join('\n').concat('\n').length / TAR_BLOCK) * TAR_BLOCK
  return data.length < end ? undefined : { map: lines.slice(1).map(number), end }
}

function isMap(map: readonly number[], size: number): boolean {
  let end = 0
  return (
    map.length % 2 === 0 &&
    map.every((value, index) => {
      const good = Number.isSafeInteger(value) && (index % 2 === 1 || value >= end)
      end = index % 2 === 0 ? value : end + value
      return good && end <= size
    })
  )
}

function number(text: string): number {
  return /^\d{1,16}$/.test(text) ? Number(text) : NaN
}
