import { constants, createReadStream } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { XbuildError } from '../errors.ts'
import { MAX_CONFIG_BYTES } from '../oci/read-image-config.ts'

/** What of a layout an error about it is to say. */
export const LAYOUT_HINT = 'The layout is damaged or incomplete: export it again'

/** The files of an OCI layout, wherever they lie; paths are relative to it. */
export interface LayoutFiles {
  /** How the image is called in messages. */
  nameOf(ref: string | undefined): string
  /** What is there: its size in bytes, `isFile` false for what is no regular file; undefined: nothing. */
  stat(path: string): Promise<{ readonly size: number; readonly isFile: boolean } | undefined>
  /** A file of a size that was checked. */
  read(path: string): Promise<Buffer>
  stream(path: string, offset: number): NodeJS.ReadableStream
  /** `index.json`; undefined when there is none. Throws BAD_IMAGE for what is no file of a sane size. */
  index(): Promise<Buffer | undefined>
}

/** The files of a layout in a folder. */
export function folderFiles(path: string): LayoutFiles {
  return {
    nameOf: (ref) =>
      `oci-layout://${path}${ref === undefined ? '' : ref.startsWith('sha256:') ? `@${ref}` : `:${ref}`}`,
    stat: async (name) => {
      const found = await stat(join(path, name)).catch(() => undefined)
      return found && { size: found.size, isFile: found.isFile() }
    },
    read: (name) => readFile(join(path, name)),
    stream: (name, offset) => createReadStream(join(path, name), { start: offset, highWaterMark: 1 << 20 }),
    index: () => readIndex(join(path, 'index.json')),
  }
}

/** A layout may come from a stranger: what never ends is no index. */
async function readIndex(path: string): Promise<Buffer | undefined> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined)
  try {
    const found = await handle?.stat()
    if (!handle || !found) return undefined
    if (!found.isFile() || found.size > MAX_CONFIG_BYTES)
      throw new XbuildError(
        'BAD_IMAGE',
        `Cannot read "${path}": it is not a regular file of at most ${MAX_CONFIG_BYTES} bytes`,
        { hint: LAYOUT_HINT },
      )
    return await handle.readFile()
  } finally {
    await handle?.close()
  }
}
