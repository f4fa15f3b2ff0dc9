import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { createLayerScan } from '../../audit/layer-files.ts'
import { createTarReader, passHole, type TarSink } from '../../oci/tar-reader.ts'
import type { ApplyParams, ApplyResult } from '../protocol.ts'
import { createRoomMeter } from '../../host/disk-room.ts'
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
): Promise<ApplyResult> {
  return makeSnapshot(folders, params, async ({ merged, upper }) => {
    const hash = createHash('sha256')
    const scan = createLayerScan()
    await unpackFile(params.blob, createUnpacker(merged, merged === upper ? {} : { upper }), {
      into: folders.snapshots,
      signal,
      watch: scan,
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
    return { files: scan.result() }
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
    watch,
  }: {
    into: string
    signal: AbortSignal
    onChunk?: (chunk: Buffer) => void
    beforeEnd?: () => void
    name?: string
    /** Sees every entry before the unpacker does. */
    watch?: TarSink
  },
): Promise<void> {
  const meter = createRoomMeter(into)
  const reader = createTarReader(watch ? both(watch, unpacker.sink) : unpacker.sink)
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

function both(first: TarSink, second: TarSink): TarSink {
  return {
    entry(entry) {
      first.entry(entry)
      second.entry(entry)
    },
    data(chunk) {
      first.data(chunk)
      second.data(chunk)
    },
    hole(bytes) {
      passHole(first, bytes)
      passHole(second, bytes)
    },
    end() {
      first.end()
      second.end()
    },
  }
}
