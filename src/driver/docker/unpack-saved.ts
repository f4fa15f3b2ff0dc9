import { join, posix } from 'node:path'
import { MAX_CONFIG_BYTES } from '../../oci/read-image-config.ts'
import type { TarEntry } from '../../oci/tar-format.ts'
import { createTarReader } from '../../oci/tar-reader.ts'
import { layerWriter, type FileWriter } from './layer-writer.ts'
import { badSavedImage, cleanPath, type Kept } from './saved-files.ts'

/** Files up to this size are kept in memory until it is known what they are; and so many bytes in all. */
const SMALL = 64 << 10
const MAX_SMALL = 32 << 20
const MAX_FILES = 100_000

/** Where the files of the archive go, and how messages call where it comes from. */
export interface UnpackSavedOptions {
  readonly folder: string
  readonly endpoint: string
  readonly signal: AbortSignal
}

type Event = { readonly entry: TarEntry } | { readonly data: Buffer } | { readonly end: true }

/** Reads the archive: layers become files of `folder`, small files stay in memory. Throws BAD_IMAGE. */
export async function unpackSaved(
  tar: AsyncIterable<Uint8Array>,
  { folder, signal, endpoint }: UnpackSavedOptions,
): Promise<Map<string, Kept>> {
  const files = new Map<string, Kept>()
  let events: Event[] = []
  const reader = createTarReader({
    entry: (entry) => void events.push({ entry }),
    data: (data) => void events.push({ data }),
    end: () => void events.push({ end: true }),
  })
  let writer: FileWriter | undefined
  let path = ''
  let small = 0
  async function take(event: Event): Promise<void> {
    if ('data' in event) return writer?.write(event.data)
    if ('end' in event) {
      if (writer) files.set(path, await writer.finish())
      writer = undefined
      return
    }
    const { entry } = event
    path = cleanPath(entry.path)
    if (files.size >= MAX_FILES) throw badSavedImage(endpoint, 'it holds too many files')
    if (entry.type === 'symlink')
      files.set(path, { kind: 'link', to: cleanPath(posix.join(posix.dirname(path), entry.link ?? '')) })
    else if (entry.type === 'hardlink') files.set(path, { kind: 'link', to: cleanPath(entry.link ?? '') })
    else if (entry.type === 'file') {
      const inMemory =
        entry.size <= SMALL || (/\.json$|^repositories$|\/VERSION$/.test(path) && entry.size <= MAX_CONFIG_BYTES)
      small += inMemory ? entry.size : 0
      if (small > MAX_SMALL) throw badSavedImage(endpoint, 'it holds too many small files')
      writer = inMemory ? inMemoryWriter(entry.size) : layerWriter(join(folder, String(files.size)))
      if (entry.size === 0) {
        files.set(path, { kind: 'bytes', bytes: Buffer.alloc(0) })
        writer = undefined
      }
    }
  }
  try {
    for await (const chunk of tar) {
      signal.throwIfAborted()
      reader.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      for (const event of events) await take(event)
      events = []
    }
    reader.finish()
  } catch (error) {
    await writer?.abort()
    throw error
  }
  return files
}

function inMemoryWriter(size: number): FileWriter {
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  return {
    async write(chunk) {
      at += chunk.copy(bytes, at)
    },
    finish: async () => ({ kind: 'bytes', bytes }),
    abort: async () => undefined,
  }
}
