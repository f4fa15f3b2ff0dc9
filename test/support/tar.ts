import { createTarReader } from '../../src/oci/tar-reader.ts'
import { encodeTarHeader, paddingOf, type TarEntry } from '../../src/oci/tar-format.ts'

/** An entry of an archive with its data. */
export interface TarItem {
  readonly entry: TarEntry
  readonly data: Buffer
}

/** An entry in few words; what is left out is what a plain file of root's has. */
export function item({
  data = '',
  ...entry
}: Partial<TarEntry> & { readonly path: string; readonly data?: string | Buffer }): TarItem {
  const bytes = Buffer.from(data)
  return { entry: { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, ...entry, size: bytes.length }, data: bytes }
}

/** An archive without its end. */
export function archive(items: readonly TarItem[]): Buffer {
  return Buffer.concat(
    items.flatMap(({ entry, data }) => [encodeTarHeader(entry), data, Buffer.alloc(paddingOf(data.length))]),
  )
}

/** A whole archive. */
export function tar(items: readonly TarItem[]): Buffer {
  return Buffer.concat([archive(items), Buffer.alloc(1024)])
}

/** The header, with its body, that changes the entry after it: pax `x` and `g`, GNU's long names `L` and links `K`. */
export function extension(flag: 'x' | 'g' | 'L' | 'K', body: string): Buffer {
  const bytes = archive([item({ path: 'extension', data: body })])
  bytes.write(flag, 156, 'latin1')
  return resum(bytes)
}

/** One record of a pax header. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = Buffer.byteLength(rest)
  while (length !== Buffer.byteLength(`${length}${rest}`)) length += 1
  return `${length}${rest}`
}

/** Everything in an archive that comes in chunks. */
export function readTar(chunks: Buffer | readonly Buffer[]): TarItem[] {
  const items: { entry: TarEntry; data: Buffer }[] = []
  let parts: Buffer[] = []
  const reader = createTarReader({
    entry: (entry) => void items.push({ entry, data: Buffer.alloc(0) }),
    data: (chunk) => void parts.push(Buffer.from(chunk)),
    end() {
      items.at(-1)!.data = Buffer.concat(parts)
      parts = []
    },
  })
  for (const chunk of Buffer.isBuffer(chunks) ? [chunks] : chunks) reader.write(chunk)
  reader.finish()
  return items
}

/**
 * Rewrites the checksum of the header at `offset`, so that a test can damage what it means to damage and nothing
 * else.
 */
export function resum(bytes: Buffer, offset = 0): Buffer {
  bytes.fill(0x20, offset + 148, offset + 156)
  let sum = 0
  for (const byte of bytes.subarray(offset, offset + 512)) sum += byte
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, offset + 148, 'latin1')
  return bytes
}
