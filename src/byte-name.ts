/*
 * The kernel takes any bytes for a name, JavaScript's texts hold characters. In a text that stands for a name, a byte
 * that is not part of UTF-8 is the lone surrogate U+DC00 plus the byte: no UTF-8 decodes to one, and JSON keeps it.
 */

/** The bytes of a name; those of UTF-8 for any that has no escaped byte. */
export function bytesOfName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name)
  const parts = name.split(/([\udc80-\udcff])/u)
  return Buffer.concat(
    parts.map((part, at) => (at % 2 === 1 ? Buffer.of(part.charCodeAt(0) & 0xff) : Buffer.from(part))),
  )
}

/** A name as calls take it that write texts as UTF-8. */
export function rawName(name: string): string | Buffer {
  return name.isWellFormed() ? name : bytesOfName(name)
}

/** The text that stands for the bytes of a name. */
export function nameOfBytes(bytes: Buffer): string {
  const plain = bytes.toString()
  if (!plain.includes('\ufffd')) return plain
  let name = ''
  let start = 0
  for (let at = 0; at < bytes.length; ) {
    const length = characterAt(bytes, at)
    if (length === 0) {
      name += bytes.toString('utf8', start, at) + String.fromCharCode(0xdc00 + bytes[at]!)
      start = at + 1
    }
    at += length || 1
  }
  return name + bytes.toString('utf8', start)
}

/** A name for people, and for documents that others read: escaped bytes as `\xe9`. */
export function printedName(name: string): string {
  if (name.isWellFormed()) return name
  return name.replace(/[\udc80-\udcff]/gu, (byte) => `\\x${(byte.charCodeAt(0) & 0xff).toString(16)}`).toWellFormed()
}

/** The order of the bytes of names. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(bytesOfName(a), bytesOfName(b))
}

/** Bytes of the UTF-8 character that begins there; 0 for none (RFC 3629, section 4). */
function characterAt(bytes: Buffer, at: number): number {
  const first = bytes[at]!
  if (first < 0x80) return 1
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  // Neither longer than need be, nor a surrogate, nor beyond the last character
  const [low, high] = SECOND.get(first) ?? [0x80, 0xbf]
  for (let next = 1; next < length; next += 1) {
    const byte = bytes[at + next] ?? 0
    if (byte < (next === 1 ? low : 0x80) || byte > (next === 1 ? high : 0xbf)) return 0
  }
  return length
}

const SECOND: ReadonlyMap<number, readonly [number, number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
])
