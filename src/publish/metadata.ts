import { formatReference, type Reference } from '../oci/reference.ts'
import type { ImageSet } from './image-set.ts'

/** The text of `--metadata-file`, with buildx's names. */
export function metadataText(set: ImageSet, tags: readonly Reference[]): string {
  const metadata = {
    ...(set.configDigest ? { 'containerimage.config.digest': set.configDigest } : {}),
    'containerimage.descriptor': set.root.descriptor,
    'containerimage.digest': set.root.descriptor.digest,
    ...(tags.length > 0 ? { 'image.name': tags.map(formatReference).join(',') } : {}),
  }
  return `${JSON.stringify(metadata, null, 2)}\n`
}

/** The text of `--iidfile`, as buildx: the config's digest of an image of one platform (Docker's image ID), else the index's. */
export function imageId(set: ImageSet): string {
  return set.configDigest ?? set.root.descriptor.digest
}
