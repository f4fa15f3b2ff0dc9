import { closeSync, createWriteStream, fstatSync, readSync, renameSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import { setImmediate as breathe } from 'node:timers/promises'
import { compact } from '../../compact.ts'
import { XbuildError } from '../../errors.ts'
import { openSync } from '../../host/byte-files.ts'
import { MEDIA_TYPE, type Digest } from '../../oci/descriptor.ts'
import { encodeTarHeader, paddingOf, TAR_BLOCK } from '../../oci/tar-format.ts'
import type { TarSink } from '../../oci/tar-reader.ts'
import { createLayerScan } from '../../audit/layer-files.ts'
import type { PackParams, PackResult } from '../protocol.ts'
import { layerItems, type LayerItem } from './changes.ts'
import { createGzipFile } from '../../content/gzip-file.ts'
import { withScratch, withTree, type WorkerFolders } from './overlay.ts'
import { readXattrs } from './xattrs.ts'

const KEPT_XATTRS = '^(security\\.capability|user\\.overlay\\.opaque)$'
/** zlib's level: half the time of its default for 3 % more bytes. */
const LEVEL = 4
/** Files up to this size are read without leaving the event loop. Bytes. */
const PIECE = 1 << 20
/** See `store/blobs.ts`. */
const SEALED = 1_000_000_000

/** A sink for tar bytes that says when it wants a rest. */
interface TarOut {
  room(): Buffer
  wrote(bytes: number): Promise<void>
  write(bytes: Buffer): Promise<void>
}

/** Packs snapshot `id` into a gzip layer in the store's blobs, streaming; same content, same digest. */
export async function pack(folders: WorkerFolders, params: PackParams, signal: AbortSignal): Promise<PackResult> {
  return withScratch(folders, async (scratch) => {
    const upper = join(folders.snapshots, params.id)
    const items = layerItems(upper, {
      lowers: params.lowers.map((lower) => join(folders.snapshots, lower)),
      xattrs: await readXattrs(upper, KEPT_XATTRS),
      ...compact({ clamp: params.sourceDateEpoch }),
    })
    const temp = join(scratch, 'layer')
    const gzip = await createGzipFile(temp, LEVEL)
    try {
      const scan = createLayerScan()
      const count = await writeTar(items, gzip, signal, scan)
      const { digest, diffId, size } = await gzip.finish()
      if (count === 0) return { empty: true }
      utimesSync(temp, SEALED, SEALED)
      renameSync(temp, join(folders.blobs, digest.slice('sha256:'.length)))
      const descriptor = { mediaType: MEDIA_TYPE.layerGzip, digest: digest as Digest, size }
      return { empty: false, descriptor, diffId, files: scan.result() }
    } finally {
      await gzip.abort()
    }
  })
}

/** Writes the whole file system of an image as a plain tar file. */
export async function exportTree(
  folders: WorkerFolders,
  params: { lowers: readonly string[]; file: string; sourceDateEpoch?: number },
  signal: AbortSignal,
): Promise<Record<string, never>> {
  await withTree(folders, params.lowers, async (root) => {
    const xattrs = await readXattrs(root, '^security\\.capability$')
    const out = createWriteStream(params.file, { flags: 'wx', mode: 0o600 })
    const failed = once(out, 'error').then(([error]) => Promise.reject(error as Error))
    failed.catch(() => undefined)
    let block = Buffer.allocUnsafe(PIECE)
    let filled = 0
    async function flush(): Promise<void> {
      const full = block.subarray(0, filled)
      block = Buffer.allocUnsafe(PIECE)
      filled = 0
      if (full.length > 0 && !out.write(full)) await Promise.race([once(out, 'drain'), failed])
    }
    const sink: TarOut = {
      room: () => block.subarray(filled),
      async wrote(bytes) {
        filled += bytes
        if (filled === PIECE) await flush()
      },
      async write(bytes) {
        for (let at = 0; at < bytes.length; ) {
          const count = bytes.copy(block, filled, at)
          at += count
          await sink.wrote(count)
        }
      },
    }
    const clamp = params.sourceDateEpoch === undefined ? {} : { clamp: params.sourceDateEpoch }
    await writeTar(layerItems(root, { lowers: [], xattrs, ...clamp }), sink, signal)
    await flush()
    out.end()
    await Promise.race([once(out, 'close'), failed])
  })
  return {}
}

/** Writes the entries; `watch` sees them and their data, too. */
async function writeTar(
  items: Iterable<LayerItem>,
  out: TarOut,
  signal: AbortSignal,
  watch?: TarSink,
): Promise<number> {
  let count = 0
  for (const { entry, file } of items) {
    await out.write(encodeTarHeader(entry))
    watch?.entry(entry)
    if (file !== undefined && entry.size > 0) {
      await writeFileData(file, entry.size, out, signal, watch)
      await out.write(Buffer.alloc(paddingOf(entry.size)))
    }
    watch?.end()
    count += 1
    if (count % 256 === 0) {
      signal.throwIfAborted()
      await breathe()
    }
  }
  await out.write(Buffer.alloc(2 * TAR_BLOCK))
  return count
}

async function writeFileData(
  file: string,
  size: number,
  out: TarOut,
  signal: AbortSignal,
  watch?: TarSink,
): Promise<void> {
  const fd = openSync(file, 'r')
  try {
    let left = size
    while (left > 0) {
      const room = out.room()
      const bytes = readSync(fd, room, 0, Math.min(room.length, left), null)
      if (bytes === 0)
        throw new XbuildError('STORE', `Cannot pack "${file}": it has ${fstatSync(fd).size} bytes now, ${size} before`)
      left -= bytes
      watch?.data(room.subarray(0, bytes))
      await out.wrote(bytes)
      if (left > PIECE) signal.throwIfAborted()
    }
  } finally {
    closeSync(fd)
  }
}
