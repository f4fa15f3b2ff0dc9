import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { compact } from '../compact.ts'
import { folderFiles } from '../content/layout-files.ts'
import { isReferrer, readLayoutIndex } from '../content/layout-origin.ts'
import { writeFileAtomic } from '../host/files.ts'
import { stageStream, writeFailed } from '../host/staging.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { sha256 } from '../oci/digest.ts'
import { serialize } from '../oci/serialize.ts'
import { checked } from '../content/read-blob.ts'
import { blobPath, OCI_LAYOUT } from '../publish/layout-files.ts'
import { inspectLayoutFolder } from '../publish/oci-folder.ts'
import type { ImageTarget } from './target.ts'

const REF_NAME = 'org.opencontainers.image.ref.name'

/**
 * An OCI layout in a folder: images of other names in it stay. What was written stays when a copy is stopped, and the
 * next one goes on from there; the image is in `index.json` when all of it is there. Throws BAD_OPTION for a folder
 * of other things.
 */
export async function layoutTarget(folder: string, name: string | undefined): Promise<ImageTarget> {
  await inspectLayoutFolder(folder)
  const referrers = new Map<string, Descriptor>()
  const marked = writeFileAtomic(join(folder, 'oci-layout'), OCI_LAYOUT, { fsync: false })
  await marked.catch((error: unknown) => {
    throw writeFailed(folder, error)
  })
  const sizeOf = async (descriptor: Descriptor) =>
    stat(join(folder, blobPath(descriptor))).then(
      (found) => (found.isFile() ? found.size : undefined),
      () => undefined,
    )
  const written = async (work: Promise<void>) =>
    work.catch((error: unknown) => {
      throw writeFailed(folder, error)
    })

  return {
    name: `oci:${folder}${name === undefined ? '' : `:${name}`}`,
    async hasManifest(descriptor) {
      if ((await sizeOf(descriptor)) !== descriptor.size) return false
      return sha256(await readFile(join(folder, blobPath(descriptor)))) === descriptor.digest
    },
    async putBlob(descriptor, source, signal) {
      if ((await sizeOf(descriptor)) === descriptor.size) return 'exists'
      const data = checked(await source.blob(descriptor, 0, signal), descriptor)
      await written(stageStream(join(folder, blobPath(descriptor)), data, { signal }))
      return 'uploaded'
    },
    putManifest: ({ descriptor, bytes }) =>
      written(writeFileAtomic(join(folder, blobPath(descriptor)), bytes, { fsync: false })),
    async addReferrers(_, found) {
      for (const one of found) referrers.set(one.digest, one)
    },
    async publish({ descriptor: { mediaType, digest, size } }) {
      const files = folderFiles(folder)
      const known = (await files.index()) ? await readLayoutIndex(files) : { entries: [], annotations: undefined }
      const nameOf = (entry: Descriptor) => entry.annotations?.[REF_NAME]
      const isOld = (entry: Descriptor) =>
        (nameOf(entry) === undefined && referrers.has(entry.digest)) || (!isReferrer(entry) && nameOf(entry) === name)
      const kept = known.entries.filter((entry) => !isOld(entry))
      for (const { digest } of kept) referrers.delete(digest)
      const own = { mediaType, digest, size, ...(name === undefined ? {} : { annotations: { [REF_NAME]: name } }) }
      const manifests = [...kept, own, ...referrers.values()]
      const { annotations } = known
      const index = serialize({
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.index,
        manifests,
        ...compact({ annotations }),
      })
      await written(writeFileAtomic(join(folder, 'index.json'), index, { fsync: false }))
    },
  }
}
