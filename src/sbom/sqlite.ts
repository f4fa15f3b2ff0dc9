/** A row of a table: texts and blobs as bytes, and whole numbers; other columns are undefined. */
export type Row = readonly (Buffer | number | undefined)[]

/** The file is no database, or a damaged one. */
export class BadDatabase extends Error {}

const MAGIC = 'SQLite format 3\0'
/** Pages between the root of a table and its rows: real ones have less than ten. */
const MAX_DEPTH = 20
/** Bytes of the types of all columns of a row. */
const MAX_HEADER = 1000
/** Bytes of a number by its type; type 8 is 0 and type 9 is 1, without any. */
const SIZES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0]

/**
 * The rows of a table of an SQLite database (sqlite.org, "Database File Format"), read page by page: every page is read
 * once, so a file is at most as much work as its size. Throws BadDatabase.
 */
export function* tableRows(file: Buffer, name: string): Generator<Row, void, undefined> {
  if (file.length < 512 || file.toString('latin1', 0, 16) !== MAGIC) throw new BadDatabase('no SQLite database')
  const written = file.readUInt16BE(16)
  const pageSize = written === 1 ? 65536 : written
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) throw new BadDatabase('wrong size of pages')
  const usable = pageSize - file[20]!
  if (usable < 480) throw new BadDatabase('wrong size of pages')
  if (file.readUInt32BE(28) * pageSize > file.length) throw new BadDatabase('its end is missing')
  const seen = new Set<number>()

  function page(number: number): Buffer {
    const start = (number - 1) * pageSize
    if (number < 1 || start + pageSize > file.length) throw new BadDatabase('a page is missing')
    if (seen.has(number)) throw new BadDatabase('a page is used twice')
    seen.add(number)
    return file.subarray(start, start + pageSize)
  }

  function* rows(number: number, depth: number): Generator<Row, void, undefined> {
    if (depth > MAX_DEPTH) throw new BadDatabase('pages are nested too deep')
    const bytes = page(number)
    // The first page begins with the header of the file
    const at = number === 1 ? 100 : 0
    const kind = bytes[at]
    if (kind !== 0x05 && kind !== 0x0d) throw new BadDatabase('a page is of no table')
    const cells = bytes.readUInt16BE(at + 3)
    const first = at + (kind === 0x05 ? 12 : 8)
    if (first + 2 * cells > usable) throw new BadDatabase('a page has too many cells')
    for (let cell = 0; cell < cells; cell++) {
      const place = bytes.readUInt16BE(first + 2 * cell)
      if (place + 4 > usable) throw new BadDatabase('a cell is outside of its page')
      if (kind === 0x05) yield* rows(bytes.readUInt32BE(place), depth + 1)
      else yield record(payload(bytes.subarray(0, usable), place))
    }
    if (kind === 0x05) yield* rows(bytes.readUInt32BE(at + 8), depth + 1)
  }

  /** What a cell holds: the part on its page, and the rest on pages of its own. */
  function payload(bytes: Buffer, place: number): Buffer {
    const size = varint(bytes, place)
    const id = varint(bytes, size.end)
    if (size.value > file.length) throw new BadDatabase('a row is larger than the file')
    const most = usable - 35
    const least = Math.floor(((usable - 12) * 32) / 255) - 23
    const rest = least + ((size.value - least) % (usable - 4))
    const local = size.value <= most ? size.value : rest <= most ? rest : least
    if (id.end + local > bytes.length) throw new BadDatabase('a cell is outside of its page')
    const parts = [bytes.subarray(id.end, id.end + local)]
    if (local === size.value) return parts[0]!
    if (id.end + local + 4 > bytes.length) throw new BadDatabase('a cell is outside of its page')
    let next = bytes.readUInt32BE(id.end + local)
    for (let left = size.value - local; left > 0; ) {
      const more = page(next)
      const part = more.subarray(4, 4 + Math.min(left, usable - 4))
      parts.push(part)
      left -= part.length
      next = more.readUInt32BE(0)
    }
    return Buffer.concat(parts)
  }

  for (const [type, own, , root] of rows(1, 0)) {
    if (String(type) !== 'table' || String(own) !== name || typeof root !== 'number') continue
    return yield* rows(root, 0)
  }
  throw new BadDatabase('it has no such table')
}

/** A record: a header with the type of each column, then their values. */
function record(bytes: Buffer): Row {
  const header = varint(bytes, 0)
  if (header.value > bytes.length || header.value > MAX_HEADER) throw new BadDatabase('a row has no header')
  const row: (Buffer | number | undefined)[] = []
  let at = header.value
  for (let place = header.end; place < header.value; ) {
    const type = varint(bytes, place)
    place = type.end
    const size = type.value >= 12 ? Math.floor((type.value - 12) / 2) : (SIZES[type.value] ?? 0)
    if (at + size > bytes.length) throw new BadDatabase('a column is outside of its row')
    const value = bytes.subarray(at, at + size)
    at += size
    if (type.value >= 12) row.push(value)
    else row.push(type.value >= 1 && type.value <= 5 ? value.readIntBE(0, size) : type.value === 9 ? 1 : undefined)
  }
  return row
}

/** A number in up to nine bytes of seven bits; none that is needed here has more than seven. */
function varint(bytes: Buffer, start: number): { readonly value: number; readonly end: number } {
  let value = 0
  for (let at = start; at < start + 7; at++) {
    const byte = bytes[at]
    if (byte === undefined) break
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return { value, end: at + 1 }
  }
  throw new BadDatabase('a number is too long')
}
