import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { createTarReader } from '../../oci/tar-reader.ts'
import type { ApplyParams } from '../protocol.ts'
import { createRoomMeter } from '../../content/disk-room.ts'
import { decompress } from '../../content/decompress.ts'
import { makeSnapshot, type WorkerFolders } from './overlay.ts'
import { createUnpacker, type Unpacker } from './unpacker.ts'

/**
 * Unpacks a layer blob over `lowers` as snapshot `id` (image-spec layer.md, "Applying Changesets"); checks its diff
 * id on the way.
 */
export async function applyLayer(
  folders: WorkerFolders,
  params: ApplyParams,
  signal: AbortSignal,
): Promise<Record<string, never>> {
  return makeSnapshot(folders, params, async ({ merged, upper }) => {
    const hash = createHash('sha256')
    await unpackFile(params.blob, createUnpacker(merged, merged === upper ? {} : { upper }), {
      into: folders.snapshots,
      signal,
      onChunk: (chunk) => void hash.update(chunk),
      beforeEnd() {
        const diffId = `sha256:${hash.digest('hex')}`
        if (diffId === params.diffId) return
        throw new XbuildError(
          'DIGEST_MISMATCH',
          `Cannot unpack the layer "${basename(params.blob).slice(0, 12)}": its content has the digest ${diffId}, the image expects ${params.diffId}`,
          {
            hint: 'The image is damaged: use another one, or report it to its publisher',
          },
        )
      },
    })
    return {}
  })
}

/**
 * Reads an archive, packed or not, into an unpacker. `into` is a folder on its disk. `beforeEnd` may still refuse it;
 * nothing stays open. `name` is what messages call it, when its path does not say.
 */
export async function unpackFile(
  file: string,
  unpacker: Unpacker,
  {
    into,
    signal,
    onChunk,
    beforeEnd,
    name,
  }: {
    into: string
    signal: AbortSignal
    onChunk?: (chunk: Buffer) => void
    beforeEnd?: () => void
    name?: string
  },
): Promise<void> {
  const reader = createTarReader(unpacker.sink)
  const meter = createRoomMeter(into)
  try {
    for await (const chunk of decompress(file, name)) {
      signal.throwIfAborted()
      meter(chunk.length)
      onChunk?.(chunk)
      reader.write(chunk)
    }
    reader.finish()
    beforeEnd?.()
    await unpacker.finish()
  } finally {
    unpacker.close()
  }
}
