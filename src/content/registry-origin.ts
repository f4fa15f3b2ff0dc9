import { readFile } from 'node:fs/promises'
import { XbuildError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import type { RegistryClient } from '../registry/types.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import type { Emit } from '../events.ts'
import type { ImageOrigin } from './image-origin.ts'

/** What finding an image in its registry needs. */
export interface RegistryOriginOptions {
  readonly store: Store
  readonly registry: RegistryClient
  readonly emit: Emit
  /** A registry that does not answer is an error, even when what it said last is known. */
  readonly pull: boolean
}

/** An image of a registry; what a digest names is asked for once. */
export function registryOrigin(ref: Reference, { registry, store, emit, pull }: RegistryOriginOptions): ImageOrigin {
  return {
    name: formatReference(ref),
    repository: `${ref.host}/${ref.repository}`,
    async root(signal) {
      const key = keyOf(['manifest', formatReference(ref)])
      const known = await store.records.get<{ descriptor: Descriptor }>('manifests', key)
      const isHere = known !== undefined && (await store.blobs.has(known.descriptor.digest, known.descriptor.size))
      const stored = async () => ({
        descriptor: known!.descriptor,
        bytes: await readFile(store.blobs.path(known!.descriptor.digest)),
      })
      if (isHere && ref.digest !== undefined) return stored()
      try {
        const found = await registry.manifest(ref, { signal })
        await store.blobs.put(found.bytes, found.descriptor.mediaType)
        if (known?.descriptor.digest !== found.descriptor.digest)
          await store.records.put('manifests', key, { name: formatReference(ref), descriptor: found.descriptor })
        return found
      } catch (error) {
        if (pull || !isHere || !(error instanceof XbuildError) || error.code !== 'REGISTRY') throw error
        emit({
          type: 'warning',
          message: `${error.message}; using what ${formatReference(ref)} was before (--pull makes this an error)`,
          at: Date.now(),
        })
        return stored()
      }
    },
    async document(descriptor, signal) {
      const at: Reference = { host: ref.host, repository: ref.repository, digest: descriptor.digest }
      if (/manifest|index/.test(descriptor.mediaType)) return (await registry.manifest(at, { signal })).bytes
      const chunks: Buffer[] = []
      for await (const chunk of await registry.blob(at, descriptor, { signal })) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    },
    blob: (descriptor, offset, signal) =>
      registry.blob({ host: ref.host, repository: ref.repository }, descriptor, { signal, offset }),
  }
}
