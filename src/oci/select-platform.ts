import { bestMatch, formatPlatform, normalizePlatform, type Platform } from '../platform.ts'
import { isAttestation } from './attestation.ts'
import { fromDescriptorPlatform, type Descriptor } from './descriptor.ts'
import type { ImageIndex } from './manifest.ts'
import { isManifestType } from './media-type.ts'

/**
 * The image of an index that serves a platform best: the same variant, else the nearest older one, the first of equals.
 * Another architecture never serves (386 for amd64, arm for arm64), though the CPU may run it: the result would not be
 * what its label says. Nested indexes, attestations and entries without a platform are passed over.
 */
export function selectPlatform(index: ImageIndex, wanted: Platform): Descriptor | undefined {
  const images = imagesOf(index)
  const { architecture } = normalizePlatform(wanted)
  const found = bestMatch(
    wanted,
    images.map(({ platform }) => (platform.architecture === architecture ? platform : undefined)),
  )
  return found === undefined ? undefined : images[found]?.descriptor
}

/** The platforms that an index has images for, as text, sorted, each once. */
export function availablePlatforms(index: ImageIndex): string[] {
  return [...new Set(imagesOf(index).map(({ platform }) => formatPlatform(platform)))].sort()
}

function imagesOf(index: ImageIndex): { descriptor: Descriptor; platform: Platform }[] {
  return index.manifests.flatMap((descriptor) => {
    const written = descriptor.platform
    if (!written || !isManifestType(descriptor.mediaType) || isAttestation(descriptor)) return []
    return [{ descriptor, platform: normalizePlatform(fromDescriptorPlatform(written)) }]
  })
}
