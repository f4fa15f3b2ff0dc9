import { XbuildError } from '../errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { digestVerifier, parseDigest, sha256 } from '../oci/digest.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import { parseIndex } from '../oci/read-manifest.ts'
import type { ImageOrigin } from './image-origin.ts'
import { folderFiles, LAYOUT_HINT, type LayoutFiles } from './layout-files.ts'

/**
 * An image of an OCI layout folder (image-spec image-layout.md): the one named `ref`, by tag or digest, or the only
 * one.
 */
export function layoutOrigin(path: string, ref: string | undefined): ImageOrigin {
  return originOfFiles(folderFiles(path), ref)
}

/** The same for the files of a layout, wherever they lie. */
export function originOfFiles(files: LayoutFiles, ref: string | undefined): ImageOrigin {
  const name = files.nameOf(ref)

  async function fileOf(descriptor: Descriptor): Promise<string> {
    const file = ['blobs', ...parseDigest(descriptor.digest).split(':')].join('/')
    const found = await files.stat(file)
    if (!found)
      throw new XbuildError('NOT_FOUND', `Cannot read "${name}": the blob ${descriptor.digest} is missing`, {
        hint: LAYOUT_HINT,
      })
    if (!found.isFile || found.size !== descriptor.size) {
      throw new XbuildError(
        'DIGEST_MISMATCH',
        `Cannot read "${name}": ${descriptor.digest} has ${found.size} bytes, not ${descriptor.size}`,
        { hint: LAYOUT_HINT },
      )
    }
    return file
  }

  const document = async (descriptor: Descriptor) => files.read(await fileOf(descriptor))

  return {
    name,
    async root() {
      const { listed, bytes, entries } = await readLayoutIndex(files)
      const wanted = entries.filter((entry) => ref === undefined || entry.digest === ref || nameOf(entry) === ref)
      if (wanted.length === 0) {
        const names = entries.map((manifest) => nameOf(manifest) ?? manifest.digest)
        throw new XbuildError(
          'NOT_FOUND',
          `Cannot find "${ref ?? 'an image'}" in "${files.nameOf(undefined)}": it has ${names.join(', ') || 'nothing'}`,
          {
            hint: 'Write oci-layout://FOLDER:TAG or oci-layout://FOLDER@DIGEST',
          },
        )
      }
      // One image may have several names, and others may say something of it
      const images = ref === undefined ? wanted.filter((entry) => !isReferrer(entry)) : wanted
      const [descriptor] = (images.length > 0 ? images : wanted) as [Descriptor]
      const isOne = images.length < 2 || images.every((entry) => entry.digest === descriptor.digest && hasName(entry))
      // Several entries without a name to choose by: the layout itself is the list of platforms.
      if (!isOne) return { descriptor: listed, bytes }
      const root = await document(descriptor)
      const verifier = digestVerifier(descriptor.digest)
      verifier.update(root)
      if (!verifier.ok())
        throw new XbuildError(
          'DIGEST_MISMATCH',
          `Cannot read "${name}": the content of the blob ${descriptor.digest} does not match its digest`,
          { hint: LAYOUT_HINT },
        )
      return { descriptor, bytes: root }
    },
    document,
    blob: async (descriptor, offset) => files.stream(await fileOf(descriptor), offset),
  }
}

/** What `index.json` of a layout lists. Throws NOT_FOUND, BAD_IMAGE. */
export async function readLayoutIndex(files: LayoutFiles): Promise<{
  readonly listed: Descriptor
  readonly bytes: Buffer
  readonly entries: readonly Descriptor[]
  readonly annotations: Readonly<Record<string, string>> | undefined
}> {
  const name = files.nameOf(undefined)
  const bytes = await files.index()
  if (!bytes)
    throw new XbuildError('NOT_FOUND', `Cannot read "${name}": there is no index.json`, {
      hint: 'Name the folder of an OCI image layout',
    })
  const listed = { mediaType: MEDIA_TYPE.index, digest: sha256(bytes), size: bytes.length }
  const { manifests, annotations } = parseIndex(bytes, listed)
  return { listed, bytes, entries: manifests, annotations }
}

/** Whether an entry of a layout is no image but says something of one. */
export function isReferrer(entry: Descriptor): boolean {
  return entry.artifactType !== undefined || !(isIndexType(entry.mediaType) || isManifestType(entry.mediaType))
}

const nameOf = (entry: Descriptor) => entry.annotations?.['org.opencontainers.image.ref.name']

const hasName = (entry: Descriptor) => (nameOf(entry) ?? entry.annotations?.['io.containerd.image.name']) !== undefined
