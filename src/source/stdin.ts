import { createHash } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { Transform } from 'node:stream'
import { XbuildError } from '../errors.ts'
import { pipeToFile } from '../host/pipe-to-file.ts'
import { isTarHeader } from '../oci/tar-decode.ts'
import { TAR_BLOCK } from '../oci/tar-format.ts'

/** What somebody piped into xbuild. */
export type StdinContent =
  /** A tar archive, packed or not, in a file; `digest` (hex SHA-256) is that of the file. */
  | { readonly kind: 'archive'; readonly file: string; readonly digest: string }
  | { readonly kind: 'text'; readonly text: string }

/** A Dockerfile with more bytes than this is none. */
export const MAX_DOCKERFILE: number = 16 << 20

/** First bytes of what gzip, bzip2, xz and zstd write. */
const PACKED = ['1f8b', '425a68', 'fd377a585a00', '28b52ffd'].map((hex) => Buffer.from(hex, 'hex'))

/** Reads standard input to its end, as an archive or as text, told by its first bytes; `file` takes it in. */
export async function readStdin(
  stdin: NodeJS.ReadableStream,
  { file, signal }: { file: string; signal: AbortSignal },
): Promise<StdinContent> {
  const hash = createHash('sha256')
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeToFile([stdin, meter], file, { flags: 'wx', mode: 0o600, signal })
  if (looksLikeArchive(await firstBytes(file))) return { kind: 'archive', file, digest: hash.digest('hex') }
  return { kind: 'text', text: await readText(file, 'standard input') }
}

/** Whether bytes begin like a tar archive, or like something packed that may be one. */
export function looksLikeArchive(head: Buffer): boolean {
  return isTarHeader(head) || PACKED.some((magic) => head.subarray(0, magic.length).equals(magic))
}

/** A whole file as text. Throws BAD_DOCKERFILE when it is too large to be a Dockerfile; `shown` names it. */
export async function readText(file: string, shown: string): Promise<string> {
  const handle = await open(file)
  const { size } = await handle.stat().finally(() => handle.close())
  if (size <= MAX_DOCKERFILE) return readFile(file, 'utf8')
  throw new XbuildError(
    'BAD_DOCKERFILE',
    `Cannot read the Dockerfile from ${shown}: it has ${size} bytes, more than ${MAX_DOCKERFILE}`,
  )
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAR_BLOCK), 0, TAR_BLOCK, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
