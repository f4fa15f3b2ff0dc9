import { createHash, randomUUID, type Hash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { createGzipFile, type GzipFile } from '../../content/gzip-file.ts'
import { MEDIA_TYPE, type Digest } from '../../oci/descriptor.ts'
import type { Kept, KeptLayer } from './saved-files.ts'

/** As for the layers that we make ourselves. */
const LEVEL = 4

/** Takes the bytes of one file of an archive. */
export interface FileWriter<K extends Kept = Kept> {
  write(chunk: Buffer): Promise<void>
  finish(): Promise<K>
  abort(): Promise<void>
}

/** Packs a plain file, and copies one that is packed: its first bytes tell. */
export function layerWriter(file: string): FileWriter<KeptLayer> {
  let packing: GzipFile | undefined
  let copying:
    | { readonly handle: FileHandle; readonly hash: Hash; readonly mediaType: string; size: number }
    | undefined
  return {
    async write(chunk) {
      if (!packing && !copying) {
        const mediaType = packedType(chunk)
        if (mediaType) copying = { handle: await open(file, 'wx'), hash: createHash('sha256'), mediaType, size: 0 }
        else packing = await createGzipFile(file, LEVEL)
      }
      if (packing) return packing.write(chunk)
      copying!.hash.update(chunk)
      copying!.size += chunk.length
      await copying!.handle.writeFile(chunk)
    },
    async finish() {
      if (packing) {
        const { digest, diffId, size } = await packing.finish()
        return {
          kind: 'layer',
          file,
          digest: digest as Digest,
          diffId: diffId as Digest,
          size,
          mediaType: MEDIA_TYPE.layerGzip,
        }
      }
      await copying!.handle.sync()
      await copying!.handle.close()
      return {
        kind: 'layer',
        file,
        digest: `sha256:${copying!.hash.digest('hex')}`,
        diffId: undefined,
        size: copying!.size,
        mediaType: copying!.mediaType,
      }
    },
    async abort() {
      await packing?.abort()
      await copying?.handle.close().catch(() => undefined)
    },
  }
}

function packedType(start: Buffer): string | undefined {
  if (start[0] === 0x1f && start[1] === 0x8b) return MEDIA_TYPE.layerGzip
  return start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528 ? MEDIA_TYPE.layerZstd : undefined
}

/** A layer that was kept in memory as a file of `folder`. */
export async function packBytes(bytes: Buffer, folder: string): Promise<KeptLayer> {
  const writer = layerWriter(join(folder, `layer-${randomUUID()}`))
  try {
    await writer.write(bytes)
    return await writer.finish()
  } catch (error) {
    await writer.abort()
    throw error
  }
}
