import { readFile } from 'node:fs/promises'
import { XbuildError } from '../errors.ts'
import type { Emit } from '../events.ts'
import { onceByKey } from '../host/once.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { MAX_MANIFEST_BYTES } from '../oci/read-manifest.ts'
import type { Store } from '../store/store.ts'
import type { ImageOrigin } from './image-origin.ts'
import { rememberOrigin } from './origin-record.ts'

/** Brings what images consist of from where they come from into the store. */
export interface OriginBlobs {
  /** A manifest, an index or a config. Throws BAD_IMAGE, DIGEST_MISMATCH. */
  document(origin: ImageOrigin, descriptor: Descriptor, signal: AbortSignal): Promise<Buffer>
  /** A layer, once however many want it. */
  layer(origin: ImageOrigin, descriptor: Descriptor, signal: AbortSignal): Promise<void>
}

export function createOriginBlobs({ store, emit }: { readonly store: Store; readonly emit: Emit }): OriginBlobs {
  const fetched = onceByKey<void>()

  async function document(origin: ImageOrigin, descriptor: Descriptor, signal: AbortSignal): Promise<Buffer> {
    if (descriptor.size > 2 * MAX_MANIFEST_BYTES)
      throw new XbuildError(
        'BAD_IMAGE',
        `Cannot read "${origin.name}": ${descriptor.digest} has ${descriptor.size} bytes, too large for a manifest`,
      )
    if (await store.blobs.has(descriptor.digest, descriptor.size)) return readFile(store.blobs.path(descriptor.digest))
    const bytes = await origin.document(descriptor, signal)
    const put = await store.blobs.put(bytes, descriptor.mediaType)
    if (put.digest !== descriptor.digest) throw mismatch(origin, descriptor, put.digest)
    return bytes
  }

  async function fetchLayer(origin: ImageOrigin, descriptor: Descriptor, signal: AbortSignal): Promise<void> {
    if (await store.blobs.has(descriptor.digest, descriptor.size)) return
    const report = transferOf(origin, descriptor, emit)
    await store.blobs.fetch(descriptor, (offset) => origin.blob(descriptor, offset, signal), {
      signal,
      onProgress: (current) => report(current),
    })
    report(descriptor.size, true)
    if (origin.repository) await rememberOrigin(store, descriptor.digest, origin.repository)
  }

  return {
    document,
    layer: (origin, descriptor, signal) => fetched(descriptor.digest, () => fetchLayer(origin, descriptor, signal)),
  }
}

/** Tells how much of a blob has come. */
function transferOf({ name }: ImageOrigin, { digest, size }: Descriptor, emit: Emit) {
  const id = `${name} ${digest.slice(7, 19)}`
  return (current: number, done = false) =>
    emit({ type: 'transfer', id, name: id, current, total: size, ...(done ? { done } : {}), at: Date.now() })
}

function mismatch(origin: ImageOrigin, descriptor: Descriptor, found: string): XbuildError {
  return new XbuildError(
    'DIGEST_MISMATCH',
    `Cannot use "${origin.name}": requested ${descriptor.digest}, received ${found}`,
    { hint: 'The source is damaged or malicious' },
  )
}
