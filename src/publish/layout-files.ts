import { annotationsFor, type Annotation } from '../oci/annotation.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { digestAlgorithm, digestHex } from '../oci/digest.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { serialize } from '../oci/serialize.ts'
import type { ImageSet } from './image-set.ts'

/** The marker file of an OCI image layout (image-spec image-layout.md). */
export const OCI_LAYOUT: Buffer = serialize({ imageLayoutVersion: '1.0.0' })

/** Where a layout keeps a blob, relative to its folder. */
export function blobPath(descriptor: Descriptor): string {
  return `blobs/${digestAlgorithm(descriptor.digest)}/${digestHex(descriptor.digest)}`
}

/**
 * The `index.json` of a layout: one entry per tag, all for the same root. `org.opencontainers.image.ref.name` is the
 * tag alone, and must be unique in a layout: of two names with the same tag only the first has it; containerd reads the
 * full name beside it.
 */
export function layoutIndex(set: ImageSet, tags: readonly Reference[], annotations: readonly Annotation[]): Buffer {
  const extra = { ...set.root.descriptor.annotations, ...annotationsFor(annotations, 'index-descriptor') }
  const names = new Set<string>()
  const named = tags.map((ref) => {
    const tag = ref.tag ?? 'latest'
    const own = names.has(tag) ? {} : { 'org.opencontainers.image.ref.name': tag }
    names.add(tag)
    return {
      ...set.root.descriptor,
      annotations: { ...extra, 'io.containerd.image.name': formatReference({ ...ref, tag }), ...own },
    }
  })
  const plain = { ...set.root.descriptor, ...(Object.keys(extra).length > 0 ? { annotations: extra } : {}) }
  const manifests = [
    ...(named.length > 0 ? named : [plain]),
    // A layout has no other list of what names an image as its subject
    ...(set.referrers ?? []).map(({ manifest }) => manifest.descriptor),
  ]
  return serialize({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests })
}

/** Manifests of all platforms, what refers to them and, for several, the index. */
export function documentsOf(set: ImageSet): ImageSet['manifests'] {
  const referrers = (set.referrers ?? []).map(({ manifest }) => manifest)
  return [...set.manifests, ...(set.manifests.includes(set.root) ? [] : [set.root]), ...referrers]
}
