import { XbuildError } from '../errors.ts'
import { forEachLimited } from '../host/pool.ts'
import { fromDescriptorPlatform } from '../oci/descriptor.ts'
import { isIndexType } from '../oci/media-type.ts'
import { parseIndex } from '../oci/read-manifest.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { availablePlatforms } from '../oci/select-platform.ts'
import { formatPlatform } from '../platform.ts'
import type { RegistryClient } from '../registry/types.ts'
import type { ImageSet } from './image-set.ts'
import type { PushOptions } from './push.ts'

const AT_A_TIME = 6

/**
 * Points every tag at the root: the last step, when everything it leads to is in every registry. A tag whose index
 * had platforms that the
 * new image has not is moved with a warning.
 */
export async function moveTags(
  set: ImageSet,
  tags: readonly Reference[],
  { registry, emit, signal }: PushOptions,
): Promise<void> {
  const refs = tags.map(({ host, repository, tag = 'latest' }) => ({ host, repository, tag }))
  await forEachLimited(refs, { limit: AT_A_TIME, signal }, async (ref, inner) => {
    const lost = await lostPlatforms(set, ref, registry, inner)
    if (lost.length === 0) return
    emit({
      type: 'warning',
      message: `${formatReference(ref)} had ${lost.join(', ')} until now and loses it with this build`,
      at: Date.now(),
    })
  })
  await forEachLimited(refs, { limit: AT_A_TIME, signal }, (ref, inner) =>
    registry.pushManifest(ref, set.root, { signal: inner }),
  )
}

async function lostPlatforms(
  set: ImageSet,
  ref: Reference,
  registry: RegistryClient,
  signal: AbortSignal,
): Promise<string[]> {
  const platforms = set.manifests.flatMap(({ descriptor: { platform } }) =>
    platform ? [formatPlatform(fromDescriptorPlatform(platform))] : [],
  )
  try {
    const { descriptor, bytes } = await registry.manifest(ref, { signal, direct: true })
    const before = isIndexType(descriptor.mediaType) ? availablePlatforms(parseIndex(bytes, descriptor)) : []
    return before.filter((platform) => !platforms.includes(platform))
  } catch (error) {
    // A tag that is new, unreadable or not ours to read has nothing that could be compared; whether it may be written
    // shows next
    if (error instanceof XbuildError && !signal.aborted) return []
    throw error
  }
}
