import { stageFile } from '../host/staging.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import type { Document } from '../oci/make-manifest.ts'
import { serialize } from '../oci/serialize.ts'
import type { Content } from '../publish/image-set.ts'
import { ociTar } from '../publish/oci-tar.ts'
import type { ImageTarget } from './target.ts'

/** A tar archive of an OCI layout. It is written in one piece at the end, out of the source: nothing is kept between. */
export function archiveTarget(path: string, name: string | undefined): ImageTarget {
  const blobs = new Map<string, Content>()
  const manifests = new Map<string, Document>()
  const referrers = new Map<string, Descriptor>()
  return {
    name: `oci-archive:${path}`,
    hasManifest: async () => false,
    async putBlob(descriptor, source, signal) {
      blobs.set(descriptor.digest, {
        descriptor,
        source: {
          path: async () => undefined,
          read: () => source.blob(descriptor, 0, signal),
          origins: async () => [],
        },
      })
      return 'uploaded'
    },
    putManifest: async (document) => void manifests.set(document.descriptor.digest, document),
    async addReferrers(_, found) {
      for (const one of found) referrers.set(one.digest, one)
    },
    async publish(root, _, signal) {
      const { mediaType, digest, size } = root.descriptor
      const named = name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }
      const entries = [{ mediaType, digest, size, ...named }, ...referrers.values()]
      const index = serialize({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: entries })
      manifests.delete(digest)
      const set = { root, manifests: [...manifests.values()], blobs: [...blobs.values()] }
      await stageFile(path, ociTar(set, { index, signal, mtime: 0 }), { signal })
    },
  }
}
