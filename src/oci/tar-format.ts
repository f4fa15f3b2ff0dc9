import { bytesOfName } from '../byte-name.ts'
import { XbuildError } from '../errors.ts'

/** What a tar entry is; `other` is a type that no file system object comes of. */
export type TarType = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'dir' | 'fifo' | 'other'

/**
 * One entry of a tar stream (POSIX.1-2001 pax interchange format). Sizes are bytes, `mtime` seconds since the epoch.
 */
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
  /** The data is that of a file with holes, and `size` what the archive has of it; a reader fills the holes. */
  readonly sparse?: SparseFile
}

/** What pax records of GNU tar say of a file with holes. */
export interface SparseFile {
  /** Its own name; that of the entry is made up. */
  readonly name?: string
  /** Bytes, holes included. */
  readonly size: number
  /** Offset and length of each piece of data, in turn; absent: the entry's data begins with them (format 1.0). */
  readonly map?: readonly number[]
}

/** Headers and data come in blocks of this size. Bytes. */
export const TAR_BLOCK = 512
const FLAG: Record<Exclude<TarType, 'other'>, string> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  dir: '5',
  fifo: '6',
}
/** Entry types by their flag in a header. */
export const TAR_TYPES: ReadonlyMap<string, TarType> = new Map(
  Object.entries(FLAG).map(([type, flag]) => [flag, type as TarType]),
)
/** What the name of a pax record begins with that holds an extended attribute. */
export const XATTR_RECORD = 'SCHILY.xattr.'
/** Largest number that ustar's octal fields of twelve and of eight bytes hold. */
const MAX_LONG = 0o77777777777
const MAX_SHORT = 0o7777777
/** Zero bytes that fill a file's data up to a whole block. */
export const paddingOf = (size: number): number => (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK

/**
 * The header blocks of an entry: ustar, preceded by a pax header for what ustar cannot hold. Same entry, same bytes.
 */
export function encodeTarHeader(entry: TarEntry): Buffer {
  if (entry.type === 'other')
    throw new XbuildError('INTERNAL', `Cannot write "${entry.path}" into a layer: unknown type`)
  const name = entry.type === 'dir' ? `${entry.path}/` : entry.path
  const pax: [string, Buffer][] = []
  const add = (key: string, value: string | Buffer) =>
    pax.push([key, Buffer.isBuffer(value) ? value : bytesOfName(value)])
  if (!fits(name, 100)) add('path', name)
  if (entry.link !== undefined && !fits(entry.link, 100)) add('linkpath', entry.link)
  if (entry.size > MAX_LONG) add('size', String(entry.size))
  if (entry.uid > MAX_SHORT) add('uid', String(entry.uid))
  if (entry.gid > MAX_SHORT) add('gid', String(entry.gid))
  if (entry.mtime < 0 || entry.mtime > MAX_LONG) add('mtime', String(Math.floor(entry.mtime)))
  for (const [key, value] of [...(entry.xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)))
    add(XATTR_RECORD + key, value)
  const header = ustar(entry, name, FLAG[entry.type])
  if (pax.length === 0) return header
  const body = Buffer.concat(pax.map(([key, value]) => paxRecord(key, value)))
  const extension = { path: 'pax', type: 'file', mode: 0o644, uid: 0, gid: 0, size: body.length, mtime: 0 } as const
  return Buffer.concat([ustar(extension, 'PaxHeaders/x', 'x'), body, Buffer.alloc(paddingOf(body.length)), header])
}

function fits(text: string, bytes: number): boolean {
  return text.length <= bytes && /^[\x20-\x7e]*$/.test(text)
}

function paxRecord(key: string, value: Buffer): Buffer {
  const name = bytesOfName(key)
  const rest = name.length + value.length + 3 // space, equals sign, newline
  let length = rest + String(rest).length
  if (rest + String(length).length !== length) length += 1
  return Buffer.concat([Buffer.from(`${length} `), name, Buffer.from('='), value, Buffer.from('\n')])
}

function ustar(entry: TarEntry, name: string, flag: string): Buffer {
  const block = Buffer.alloc(TAR_BLOCK)
  const octal = (value: number, offset: number, width: number) => {
    const limit = 8 ** (width - 1)
    block.write(
      (value < 0 || value >= limit ? 0 : Math.floor(value)).toString(8).padStart(width - 1, '0'),
      offset,
      'latin1',
    )
  }
  const text = (value: string, offset: number, bytes: number) => bytesOfName(value).copy(block, offset, 0, bytes)
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
