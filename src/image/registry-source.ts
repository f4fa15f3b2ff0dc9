import { formatReference, type Reference } from '../oci/reference.ts'
import type { Repository } from '../registry/repository.ts'
import type { RegistryClient } from '../registry/types.ts'
import { attachedIn } from './attached.ts'
import type { ImageSource } from './source.ts'

/** A client that can also be asked about repositories. */
export type ImageRegistry = RegistryClient & Repository

/** An image of a registry, asked for each time: nothing is kept. */
export function registrySource(
  ref: Reference,
  registry: ImageRegistry,
  { direct }: { readonly direct: boolean },
): ImageSource {
  const at: Reference = { host: ref.host, repository: ref.repository }
  return {
    name: formatReference(ref),
    repository: `${ref.host}/${ref.repository}`,
    at,
    root: (signal) => registry.manifest(ref, { signal, direct }),
    async document(descriptor, signal) {
      if (/manifest|index/.test(descriptor.mediaType))
        return (await registry.manifest({ ...at, digest: descriptor.digest }, { signal, direct })).bytes
      const chunks: Buffer[] = []
      for await (const chunk of await registry.blob(at, descriptor, { signal })) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    },
    blob: (descriptor, offset, signal) => registry.blob(at, descriptor, { signal, offset }),
    blobSize: ({ digest }, signal) => registry.blobSize(at, digest, { signal }),
    referrers: (digest, signal) => registry.referrers(at, digest, { signal }),
    attached: attachedIn(at, registry),
    close: async () => {},
  }
}
