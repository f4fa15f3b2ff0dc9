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
  { registry, emit, signal, onMoved }: PushOptions,
): Promise<void> {
  const refs = tags.map(({ host, repository, tag = 'latest' }) => ({ host, repository, tag }))
  await forEachLimited(refs, { limit: AT_A_TIME, signal }, async (ref, inner) => {
    const lost = await lostPlatforms(set, ref, registry, inner)
    if (lost.length === 0) return
    emit({
      type: 'warning',
      message: `${formatReference(ref)} contained ${lost.join(', ')}, which this build removes`,
      at: Date.now(),
    })
  })
  // Those on their way are not stopped when one fails: nobody would know whether they arrived
  const moved = new Set<Reference>()
  const failures: unknown[] = []
  await forEachLimited(refs, { limit: AT_A_TIME, signal }, async (ref) => {
    if (failures.length > 0) return
    await registry.pushManifest(ref, set.root, { signal }).then(
      () => {
        moved.add(ref)
        onMoved?.(formatReference(ref))
      },
      (error: unknown) => failures.push(error),
    )
  })
  if (failures.length > 0) throw await halfMoved(set, refs, { moved, error: failures[0], registry })
}

/** Milliseconds for asking what a tag is now. */
const PATIENCE = 10_000

/** The error with the names of the tags that are new and of those that are not, where there are several. */
async function halfMoved(
  set: ImageSet,
  refs: readonly Reference[],
  { moved, error, registry }: { moved: ReadonlySet<Reference>; error: unknown; registry: RegistryClient },
): Promise<unknown> {
  if (!(error instanceof XbuildError) || refs.length < 2) return error
  const states = await Promise.all(
    refs.map(async (ref) => (moved.has(ref) ? 'moved' : await stateOf(ref, set.root.descriptor.digest, registry))),
  )
  const named = (['moved', 'not moved', 'not known'] as const).flatMap((state) => {
    const names = refs.filter((_, index) => states[index] === state).map(formatReference)
    return names.length > 0 ? [`${state}: ${names.join(', ')}`] : []
  })
  return error.with({
    message: `${error.message}; ${named.join('; ')}`,
    hint: error.hint ?? `Push again: all content is in the registry, only tags are missing`,
    cause: error,
  })
}

/** An answer may be lost after the registry has done what was asked. */
async function stateOf(
  ref: Reference,
  digest: string,
  registry: RegistryClient,
): Promise<'moved' | 'not moved' | 'not known'> {
  try {
    const { descriptor } = await registry.manifest(ref, { signal: AbortSignal.timeout(PATIENCE), direct: true })
    return descriptor.digest === digest ? 'moved' : 'not moved'
  } catch (error) {
    return error instanceof XbuildError && error.code === 'NOT_FOUND' ? 'not moved' : 'not known'
  }
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
