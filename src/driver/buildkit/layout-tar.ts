import { createHash, type Hash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { createTarReader } from '../../oci/tar-reader.ts'
import type { Store } from '../../store/store.ts'
import { createRoomMeter } from '../../host/disk-room.ts'
import { markedName } from '../../store/leftovers.ts'
import type { GivenBlobs } from './session/given.ts'

/** A blob that is being written. */
interface Part {
  readonly file: string
  readonly digest: string
  readonly hash: Hash
  readonly handle: number
}

/**
 * Puts the blobs of an OCI image layout, as a tar archive, into the store; what is no blob is passed over. Throws
 * DIGEST_MISMATCH, BAD_IMAGE.
 */
export async function storeLayoutTar(
  archive: AsyncIterable<Uint8Array>,
  { folder }: Store,
  given: GivenBlobs,
): Promise<void> {
  const makeRoom = createRoomMeter(folder.tmp, { what: 'take what a node writes into' })
  let part: Part | undefined
  let finished: Part[] = []
  const reader = createTarReader({
    entry({ type, path }) {
      const hex = type === 'file' ? /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1] : undefined
      if (hex === undefined) return
      const file = join(folder.tmp, markedName('blob'))
      part = { file, digest: `sha256:${hex}`, hash: createHash('sha256'), handle: openSync(file, 'wx', 0o644) }
    },
    data(chunk) {
      if (!part) return
      makeRoom(chunk.length)
      part.hash.update(chunk)
      for (let at = 0; at < chunk.length; ) at += writeSync(part.handle, chunk, at)
    },
    end() {
      if (part) finished.push(part)
      part = undefined
    },
  })
  try {
    for await (const chunk of archive) {
      reader.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
      const complete = finished
      finished = []
      for (const one of complete) await keep(one)
    }
    reader.finish()
  } finally {
    if (part) await discard(part)
    for (const one of finished) await discard(one)
  }

  async function keep({ file, digest, hash, handle }: Part): Promise<void> {
    const found = `sha256:${hash.digest('hex')}`
    fsyncSync(handle)
    closeSync(handle)
    if (found === digest) return given.adopt(file, digest)
    await rm(file, { force: true })
    throw new XbuildError('DIGEST_MISMATCH', `Cannot take the result: expected ${digest}, received ${found}`, {
      hint: 'Build again',
    })
  }

  async function discard({ file, handle }: Part): Promise<void> {
    closeSync(handle)
    await rm(file, { force: true })
  }
}
