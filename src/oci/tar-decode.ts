import { nameOfBytes, printedName } from '../byte-name.ts'
import { XbuildError } from '../errors.ts'
import { sparseOf } from './tar-sparse.ts'
import { TAR_BLOCK, TAR_TYPES, XATTR_RECORD, type TarEntry } from './tar-format.ts'

/** Kinds of headers that extend the entry after them: pax `x` and `g`, GNU's long names `L` and links `K`. */
export type ExtensionFlag = 'x' | 'g' | 'L' | 'K'

/** What one header block says: an entry, an extension of `size` bytes for the next entry, or the end of the archive. */
export type TarHeader =
  | { readonly kind: 'entry'; readonly entry: TarEntry }
  | { readonly kind: 'extension'; readonly flag: ExtensionFlag; readonly size: number }
  | { readonly kind: 'end' }

/** Where in an archive a header begins (bytes), and the fields that extensions before it gave. */
export interface TarPosition {
  readonly offset: number
  readonly fields: ReadonlyMap<string, Buffer>
}

/** The kernel takes all ones for "leave as it is". */
const MAX_ID = 0xfffffffe
const MAX_DEVICE = 0xffffffff

/** Reads one header block. Throws BAD_IMAGE for a block that is no tar header, UNSUPPORTED for a sparse file of old GNU tar. */
export function decodeTarHeader(block: Buffer, position: TarPosition): TarHeader {
  if (block.every((byte) => byte === 0)) return { kind: 'end' }
  if (!hasChecksum(block)) throw tarError(position.offset, 'a header has a wrong checksum')
  const flag = String.fromCharCode(block[156]!)
  if (flag !== 'x' && flag !== 'g' && flag !== 'L' && flag !== 'K')
    return { kind: 'entry', entry: entryOf(block, flag, position) }
  const size = octal(block, 124, 12)
  if (!Number.isSafeInteger(size) || size < 0) throw tarError(position.offset, 'an extended header has a bad size')
  return { kind: 'extension', flag, size }
}

/** Whether a block is the header of an entry: what tells an archive from other files. */
export function isTarHeader(block: Buffer): boolean {
  return block.length >= TAR_BLOCK && block.some((byte) => byte !== 0) && hasChecksum(block)
}

/** An error about the archive's bytes at `offset`. */
export function tarError(offset: number, state: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot read a tar archive at byte ${offset}: ${state}`, {
    hint: 'The archive is damaged: make or fetch it again',
  })
}

/** A name out of an archive, fit for a message: no control characters, not too long. */
export function shownName(name: string): string {
  const plain = printedName(name).replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
  return plain.length > 160 ? `${plain.slice(0, 160)}...` : plain
}

/** Old programs added up signed bytes; both sums are good. */
function hasChecksum(block: Buffer): boolean {
  let sum = 8 * 0x20
  let signed = sum
  for (let i = 0; i < TAR_BLOCK; i += 1) {
    if (i >= 148 && i < 156) continue
    const byte = block[i]!
    sum += byte
    signed += byte > 127 ? byte - 256 : byte
  }
  const written = octal(block, 148, 8)
  return written === sum || written === signed
}

function entryOf(block: Buffer, flag: string, { offset, fields }: TarPosition): TarEntry {
  const raw = pathOf(block, offset, fields)
  const shown = shownName(raw)
  if (flag === 'S') {
    throw new XbuildError('UNSUPPORTED', `Cannot read a tar archive: "${shown}" is a sparse file`, {
      hint: 'Create it without --sparse, or with --format=posix',
    })
  }
  const whole = (key: string, value: number, [min, max]: readonly [number, number]) => {
    const number = paxNumber(fields.get(key)) ?? value
    if (!Number.isSafeInteger(number) || number < min || number > max)
      throw tarError(offset, `"${shown}" has a bad ${key}`)
    return number
  }
  // Archives of before POSIX mark a folder only by the slash at the end of its name.
  const isPlain = flag === '0' || flag === '\0' || flag === '7'
  const type = isPlain ? (flag === '\0' && raw.endsWith('/') ? 'dir' : 'file') : (TAR_TYPES.get(flag) ?? 'other')
  const size = whole('size', octal(block, 124, 12), [0, Number.MAX_SAFE_INTEGER])
  const sparse = type === 'file' ? sparseOf(fields, (state) => tarError(offset, `"${shown}" ${state}`)) : undefined
  const device = [0, MAX_DEVICE] as const
  const xattrs = new Map(
    [...fields].flatMap(([key, value]) =>
      key.startsWith(XATTR_RECORD) ? [[key.slice(XATTR_RECORD.length), value] as const] : [],
    ),
  )
  return {
    path: (sparse?.name ?? raw).replace(/\/+$/, ''),
    type,
    mode: whole('mode', octal(block, 100, 8), [0, Number.MAX_SAFE_INTEGER]) & 0o7777,
    uid: whole('uid', octal(block, 108, 8), [0, MAX_ID]),
    gid: whole('gid', octal(block, 116, 8), [0, MAX_ID]),
    // Links, folders and devices have no data, whatever their header says; unknown types may.
    size: isPlain || type === 'other' ? size : 0,
    mtime: whole('mtime', octal(block, 136, 12), [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]),
    ...(type === 'symlink' || type === 'hardlink'
      ? { link: textOf(extended(fields, 'linkpath') ?? bytesOf(block, 157, 100), offset) }
      : {}),
    ...(type === 'char' || type === 'block'
      ? {
          devMajor: whole('device number', octal(block, 329, 8), device),
          devMinor: whole('device number', octal(block, 337, 8), device),
        }
      : {}),
    ...(xattrs.size > 0 ? { xattrs } : {}),
    ...(sparse ? { sparse } : {}),
  }
}

function pathOf(block: Buffer, offset: number, fields: ReadonlyMap<string, Buffer>): string {
  const long = extended(fields, 'path')
  if (long) return textOf(long, offset)
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? bytesOf(block, 345, 155) : Buffer.alloc(0)
  const own = bytesOf(block, 0, 100)
  return textOf(prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), own]) : own, offset)
}

/** An extension's field; an empty one takes back what an earlier extension said (pax). */
function extended(fields: ReadonlyMap<string, Buffer>, key: string): Buffer | undefined {
  const value = fields.get(key)
  return value && value.length > 0 ? value : undefined
}

function paxNumber(value: Buffer | undefined): number | undefined {
  if (value === undefined || value.length === 0) return undefined
  const text = value.toString('latin1')
  return /^-?\d{1,20}(\.\d*)?$/.test(text) ? Math.floor(Number(text)) : NaN
}

function textOf(bytes: Buffer, offset: number): string {
  const text = nameOfBytes(bytes)
  if (text.includes('\0')) throw tarError(offset, `the name "${shownName(text)}" holds a zero byte`)
  return text
}

/** Adds the records of an extension's body to `fields`. `offset` is where the body begins. */
export function decodeExtension(
  flag: ExtensionFlag,
  body: Buffer,
  { fields, offset }: { fields: Map<string, Buffer>; offset: number },
): void {
  if (flag === 'g') return // global headers carry comments only (git archive)
  if (flag === 'L' || flag === 'K') {
    const end = body.indexOf(0)
    fields.set(flag === 'L' ? 'path' : 'linkpath', Buffer.from(body.subarray(0, end < 0 ? body.length : end)))
    return
  }
  const joined: Buffer[] = []
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at)
    const digits = space < 0 || space - at > 20 ? '' : body.toString('latin1', at, space)
    const end = /^\d+$/.test(digits) ? at + Number(digits) : NaN
    const equals = body.indexOf(0x3d, space)
    if (!(end <= body.length) || equals <= space + 1 || equals >= end || body[end - 1] !== 0x0a) {
      throw tarError(offset, 'a pax header is damaged')
    }
    const key = nameOfBytes(body.subarray(space + 1, equals))
    const value = Buffer.from(body.subarray(equals + 1, end - 1))
    // Format 0.0 of sparse files has a record for each number
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') joined.push(value)
    else fields.set(key, value)
    at = end
  }
  if (joined.length > 0) fields.set('GNU.sparse.map', Buffer.from(joined.join(',')))
}

function bytesOf(block: Buffer, offset: number, width: number): Buffer {
  const field = block.subarray(offset, offset + width)
  const end = field.indexOf(0)
  return end < 0 ? field : field.subarray(0, end)
}

/** A number field: octal text, or GNU's base 256 in two's complement; NaN for anything else. */
function octal(block: Buffer, offset: number, width: number): number {
  const first = block[offset]!
  if (first & 0x80) {
    let value = BigInt(first & 0x7f) - (first & 0x40 ? 0x80n : 0n)
    for (let i = 1; i < width; i += 1) value = value * 256n + BigInt(block[offset + i]!)
    return Number(value)
  }
  const text = bytesOf(block, offset, width).toString('latin1').trim()
  if (text === '') return 0
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : NaN
}
