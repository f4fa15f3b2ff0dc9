import { XbuildError } from '../errors.ts'

/** What a tar entry is; `other` is a type that no file system object comes of. */
export type TarType = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'dir' | 'fifo' | 'other'

/** One entry of a tar stream (POSIX.1-2001 pax interchange format). Sizes are bytes, `mtime` seconds since the epoch. */
export interface TarEntry {
  /** As written; no trailing slash. */
  readonly path: string
  readonly type: TarType
  /** Permission bits with setuid, setgid, sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  /** Target of a symlink or hard link. */
  readonly link?: string
  readonly devMajor?: number
  readonly devMinor?: number
  /** Extended attributes: name -> raw value. */
  readonly xattrs?: ReadonlyMap<string, Buffer>
}

export const TAR_BLOCK = 512
const FLAG: Record<Exclude<TarType, 'other'>, string> = {
  file: '0', hardlink: '1', symlink: '2', char: '3', block: '4', dir: '5', fifo: '6',
}
const TYPE = new Map<string, TarType>(Object.entries(FLAG).map(([type, flag]) => [flag, type as TarType]))
const XATTR = 'SCHILY.xattr.'
/** Zero bytes that fill a file's data up to a whole block. */
export const paddingOf = (size: number): number => (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK

/** The header blocks of an entry: ustar, preceded by a pax header for what ustar cannot hold. Same entry, same bytes. */
export function encodeTarHeader(entry: TarEntry): Buffer {
  if (entry.type === 'other') throw new XbuildError('INTERNAL', `Cannot write "${entry.path}" into a layer: unknown type`)
  const name = entry.type === 'dir' ? `${entry.path}/` : entry.path
  const pax: [string, Buffer][] = []
  const add = (key: string, value: string | Buffer) => pax.push([key, Buffer.isBuffer(value) ? value : Buffer.from(value)])
  if (!fits(name, 100)) add('path', name)
  if (entry.link !== undefined && !fits(entry.link, 100)) add('linkpath', entry.link)
  if (entry.size > 0o77777777777) add('size', String(entry.size))
  if (entry.uid > 0o7777777) add('uid', String(entry.uid))
  if (entry.gid > 0o7777777) add('gid', String(entry.gid))
  if (entry.mtime < 0) add('mtime', String(entry.mtime))
  for (const [key, value] of [...(entry.xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) add(XATTR + key, value)
  const header = ustar(entry, name, FLAG[entry.type])
  if (pax.length === 0) return header
  const body = Buffer.concat(pax.map(([key, value]) => paxRecord(key, value)))
  const extension = { path: 'pax', type: 'file', mode: 0o644, uid: 0, gid: 0, size: body.length, mtime: 0 } as const
  return Buffer.concat([ustar(extension, 'PaxHeaders/x', 'x'), body, Buffer.alloc(paddingOf(body.length)), header])
}

function fits(text: string, bytes: number): boolean {
  return Buffer.byteLength(text) <= bytes && /^[\x20-\x7e]*$/.test(text)
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.byteLength(key) + value.length + 3 // space, equals sign, newline
  let length = rest + String(rest).length
  if (rest + String(length).length !== length) length += 1
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')])
}

function ustar(entry: TarEntry, name: string, flag: string): Buffer {
  const block = Buffer.alloc(TAR_BLOCK)
  const octal = (value: number, offset: number, width: number) => {
    const limit = 8 ** (width - 1)
    block.write((value < 0 || value >= limit ? 0 : Math.floor(value)).toString(8).padStart(width - 1, '0'), offset, 'latin1')
  }
  const text = (value: string, offset: number, bytes: number) => Buffer.from(value).copy(block, offset, 0, bytes)
  text(name, 0, 100)
  octal(entry.mode & 0o7777, 100, 8)
  octal(entry.uid, 108, 8)
  octal(entry.gid, 116, 8)
  octal(entry.size, 124, 12)
  octal(entry.mtime, 136, 12)
  block.fill(0x20, 148, 156)
  block.write(flag, 156, 'latin1')
  text(entry.link ?? '', 157, 100)
  block.write('ustar\x0000', 257, 'latin1')
  octal(entry.devMajor ?? 0, 329, 8)
  octal(entry.devMinor ?? 0, 337, 8)
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** Fields that a pax or GNU extension gives the entry after it. */
export interface TarExtension {
  readonly fields: Map<string, Buffer>
}

/** What one header block says: an entry, an extension of `size` bytes for the next entry, or the end of the archive. */
export type TarHeader =
  | { readonly kind: 'entry'; readonly entry: TarEntry }
  | { readonly kind: 'extension'; readonly flag: 'x' | 'g' | 'L' | 'K'; readonly size: number }
  | { readonly kind: 'end' }

/** Reads one header block. `extension` holds what preceded it. Throws for a block that is no tar header. */
export function decodeTarHeader(block: Buffer, extension: TarExtension): TarHeader {
  let sum = 8 * 0x20
  let zero = true
  for (let i = 0; i < TAR_BLOCK; i += 1) {
    const byte = block[i]!
    if (byte !== 0) zero = false
    if (i < 148 || i >= 156) sum += byte
  }
  if (zero) return { kind: 'end' }
  if (number(block, 148, 8) !== sum) throw new XbuildError('BAD_IMAGE', 'Cannot read a tar archive: a header has a wrong checksum')
  const flag = String.fromCharCode(block[156]!)
  const size = number(block, 124, 12)
  if (flag === 'x' || flag === 'g' || flag === 'L' || flag === 'K') return { kind: 'extension', flag, size }
  return { kind: 'entry', entry: entryOf(block, flag, size, extension.fields) }
}

function entryOf(block: Buffer, flag: string, size: number, pax: Map<string, Buffer>): TarEntry {
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? cString(block, 345, 155) : ''
  const own = cString(block, 0, 100)
  const raw = pax.get('path')?.toString() ?? (prefix ? `${prefix}/${own}` : own)
  const field = (key: string, fallback: number) => {
    const value = pax.get(key)
    return value ? Number.parseFloat(value.toString()) : fallback
  }
  // Old archives mark a folder only by the slash at the end of its name.
  const type = (flag === '\0' || flag === '7' || flag === '0') ? (raw.endsWith('/') ? 'dir' : 'file') : (TYPE.get(flag) ?? 'other')
  const link = pax.get('linkpath')?.toString() ?? cString(block, 157, 100)
  const xattrs = new Map([...pax].filter(([key]) => key.startsWith(XATTR)).map(([key, value]) => [key.slice(XATTR.length), value] as const))
  const bytes = field('size', size)
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new XbuildError('BAD_IMAGE', `Cannot read a tar archive: "${raw}" has a bad size`)
  return {
    path: raw.replace(/\/+$/, ''),
    type,
    mode: number(block, 100, 8) & 0o7777,
    uid: field('uid', number(block, 108, 8)),
    gid: field('gid', number(block, 116, 8)),
    size: type === 'file' || type === 'other' ? bytes : 0,
    mtime: Math.floor(field('mtime', number(block, 136, 12))),
    ...(type === 'symlink' || type === 'hardlink' ? { link } : {}),
    ...(type === 'char' || type === 'block' ? { devMajor: number(block, 329, 8), devMinor: number(block, 337, 8) } : {}),
    ...(xattrs.size > 0 ? { xattrs } : {}),
  }
}

/** Adds the records of an extension's body to `fields`. */
export function decodeExtension(flag: 'x' | 'g' | 'L' | 'K', body: Buffer, fields: Map<string, Buffer>): void {
  if (flag === 'g') return // global headers carry comments only (git archive)
  if (flag === 'L' || flag === 'K') {
    const end = body.indexOf(0)
    fields.set(flag === 'L' ? 'path' : 'linkpath', body.subarray(0, end < 0 ? body.length : end))
    return
  }
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at)
    const length = space < 0 ? NaN : Number(body.toString('latin1', at, space))
    const equals = body.indexOf(0x3d, space)
    if (!Number.isInteger(length) || length <= 0 || at + length > body.length || equals < 0 || equals >= at + length) {
      throw new XbuildError('BAD_IMAGE', 'Cannot read a tar archive: a pax header is damaged')
    }
    fields.set(body.toString('utf8', space + 1, equals), Buffer.from(body.subarray(equals + 1, at + length - 1)))
    at += length
  }
}

function cString(block: Buffer, offset: number, bytes: number): string {
  const end = block.indexOf(0, offset)
  return block.toString('utf8', offset, end < 0 || end > offset + bytes ? offset + bytes : end)
}

function number(block: Buffer, offset: number, bytes: number): number {
  if (block[offset]! & 0x80) { // base-256, GNU
    let value = block[offset]! & 0x7f
    if (block[offset] === 0xff) return -1
    for (let i = 1; i < bytes; i += 1) value = value * 256 + block[offset + i]!
    return value
  }
  const text = cString(block, offset, bytes).trim()
  return text === '' ? 0 : Number.parseInt(text, 8)
}
