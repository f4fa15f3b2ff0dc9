import { Readable } from 'node:stream'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import type { Reference } from '../oci/reference.ts'
import type { RegistryClient } from '../registry/types.ts'
import type { BlobSource } from '../content/built-image.ts'

/** Content of a repository as a source: what is published there is not moved again. */
export function repositoryBlobs(
  { host, repository }: Pick<Reference, 'host' | 'repository'>,
  registry: RegistryClient,
  signal: AbortSignal,
): BlobSource {
  return {
    path: async () => undefined,
    async read(descriptor) {
      const ref = { host, repository, digest: descriptor.digest }
      if (!isManifestType(descriptor.mediaType) && !isIndexType(descriptor.mediaType))
        return registry.blob({ host, repository }, descriptor, { signal })
      return Readable.from([(await registry.manifest(ref, { signal, direct: true })).bytes])
    },
    origins: async () => [`${host}/${repository}`],
  }
}
