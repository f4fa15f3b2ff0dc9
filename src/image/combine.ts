import { XbuildError } from '../errors.ts'
import { annotationsFor, checkAnnotations, type Annotation } from '../oci/annotation.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { makeDocument, type Document } from '../oci/make-manifest.ts'
import { formatPlatform, platformKey, samePlatform, type Platform } from '../platform.ts'
import type { Entry } from './entries.ts'

/** An entry, and the name of the source that it comes from. */
export interface SourcedEntry extends Entry {
  readonly from: string
}

/** How entries become an index. */
export interface CombineOptions {
  /** Only these; empty: all. */
  readonly platforms: readonly Platform[]
  readonly annotations: readonly Annotation[]
  /** Two images for one platform are allowed: readers take the first one. */
  readonly duplicates: boolean
  readonly warn: (message: string) => void
}

/**
 * The entries that are kept, in their order, images before what is said of them: each once, one for a platform, and
 * attestations with their images only. Throws NO_PLATFORM, BAD_PLATFORM.
 */
export function chooseEntries(
  all: readonly SourcedEntry[],
  { platforms, duplicates, warn }: Pick<CombineOptions, 'platforms' | 'duplicates' | 'warn'>,
): readonly SourcedEntry[] {
  const images = distinct(all.filter(({ about, platform }) => about === undefined && platform !== undefined))
  checkWanted(platforms, images)
  const isWanted = ({ platform }: Entry) =>
    platforms.length === 0 || platforms.some((wanted) => platform && samePlatform(wanted, platform))
  const kept = images.filter(isWanted)
  if (!duplicates) checkOnce(kept)
  const digests = new Set<string>(kept.map(({ descriptor }) => descriptor.digest))
  const said = distinct(all.filter(({ about }) => about !== undefined))
  for (const { about, descriptor, from } of said)
    if (!images.some((image) => image.descriptor.digest === about))
      warn(`${from}: the attestation ${descriptor.digest} is left out, its image ${about} is not there`)
  // Whatever else an index may hold, as artifacts, has no platform to be chosen by
  const others = platforms.length > 0 ? [] : distinct(all.filter((one) => one.about === undefined && !one.platform))
  return [...kept, ...others, ...said.filter(({ about }) => about !== undefined && digests.has(about))]
}

/** The index of entries, with annotations; Docker's list when all of them are Docker's. Throws BAD_OPTION. */
export function makeCombined(entries: readonly Entry[], annotations: readonly Annotation[]): Document {
  const platforms = entries.flatMap(({ platform }) => (platform ? [platform] : []))
  checkAnnotations(annotations, platforms, { hasIndex: true })
  const onIndex = annotationsFor(annotations, 'index')
  const manifests = annotatedEntries(entries, annotations)
  const isDocker = manifests.every((one) => one.mediaType === MEDIA_TYPE.dockerManifest && !one.annotations)
  if (isDocker && Object.keys(onIndex).length === 0)
    return makeDocument(MEDIA_TYPE.dockerList, { schemaVersion: 2, mediaType: MEDIA_TYPE.dockerList, manifests })
  return makeDocument(MEDIA_TYPE.index, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests,
    ...(Object.keys(onIndex).length > 0 ? { annotations: onIndex } : {}),
  })
}

/** The descriptors of entries, with the annotations that are meant for them. */
function annotatedEntries(entries: readonly Entry[], annotations: readonly Annotation[]): readonly Descriptor[] {
  return entries.map(({ descriptor, platform }): Descriptor => {
    const extra = platform ? annotationsFor(annotations, 'manifest-descriptor', platform) : {}
    return Object.keys(extra).length === 0
      ? descriptor
      : { ...descriptor, annotations: { ...descriptor.annotations, ...extra } }
  })
}

/** Each manifest once for a platform; annotations of all its entries together. */
function distinct(entries: readonly SourcedEntry[]): SourcedEntry[] {
  const found = new Map<string, SourcedEntry>()
  for (const entry of entries) {
    const key = `${entry.descriptor.digest} ${entry.platform ? platformKey(entry.platform) : ''}`
    const known = found.get(key)
    const annotations = { ...known?.descriptor.annotations, ...entry.descriptor.annotations }
    const isPlain = Object.keys(annotations).length === 0
    found.set(
      key,
      known ? { ...known, descriptor: { ...known.descriptor, ...(isPlain ? {} : { annotations }) } } : entry,
    )
  }
  return [...found.values()]
}

function checkWanted(platforms: readonly Platform[], images: readonly SourcedEntry[]): void {
  const available = [...new Set(images.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : [])))].sort()
  for (const wanted of platforms) {
    if (images.some(({ platform }) => platform && samePlatform(wanted, platform))) continue
    throw new XbuildError(
      'NO_PLATFORM',
      `Cannot take ${formatPlatform(wanted)}: the sources have ${available.join(', ') || 'no images with a platform'} only`,
      { hint: 'Leave it out of --platform, or add a source that has it', facts: { platforms: available } },
    )
  }
}

function checkOnce(images: readonly SourcedEntry[]): void {
  const seen = new Map<string, SourcedEntry>()
  for (const image of images) {
    const key = platformKey(image.platform!)
    const other = seen.get(key)
    if (other)
      throw new XbuildError(
        'BAD_PLATFORM',
        `Cannot put ${formatPlatform(image.platform!)} into an index twice: ${other.descriptor.digest} of ${other.from} and ${image.descriptor.digest} of ${image.from} are for it`,
        { hint: 'Leave one of the sources out, or allow it with --allow-duplicates: readers take the first' },
      )
    seen.set(key, image)
  }
}
