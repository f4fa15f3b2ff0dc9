import { XbuildError } from '../errors.ts'
import { formatPlatform, platformKey, type Platform } from '../platform.ts'
import { isAttestation } from './attestation.ts'
import { fromDescriptorPlatform, MEDIA_TYPE, type Descriptor } from './descriptor.ts'
import { makeDocument, type Document } from './make-manifest.ts'
import type { ImageIndex } from './manifest.ts'
import { isIndexType } from './media-type.ts'

const SUBJECT = 'vnd.docker.reference.digest'

/**
 * The index with more images: each takes the place of those for the same platform, with their attestations, or comes
 * after them. Everything else stays as it is written. Throws BAD_PLATFORM for two new images of one platform or one
 * without a platform, UNSUPPORTED where an index would hold an index.
 */
export function mergeIndex(
  existing: ImageIndex | undefined,
  added: readonly Descriptor[],
  annotations: Readonly<Record<string, string>> = {},
): Document {
  const images = added.filter((entry) => !isAttestation(entry))
  const said = added.filter(isAttestation)
  checkAdded(images)
  const before = existing?.manifests ?? []
  const nested = [...before, ...added].find(({ mediaType }) => isIndexType(mediaType))
  if (nested)
    throw new XbuildError('UNSUPPORTED', `Cannot merge "${nested.digest}" into an index: it is an index itself`, {
      hint: 'Name the images that it holds, or push the tag as a whole',
    })
  const waiting = new Set(images)
  const kept = before
    .filter((entry) => !isAttestation(entry))
    .flatMap((entry) => {
      const place = images.find((image) => samePlace(image, entry))
      if (!place) return [entry]
      return waiting.delete(place) ? [place] : []
    })
  const all = [...kept, ...waiting]
  const there = new Set<string>(all.map(({ digest }) => digest))
  const removed = new Set<string>(before.filter(({ digest }) => !there.has(digest)).map(({ digest }) => digest))
  const saidAnew = new Set(said.map(subjectOf))
  const keptSaid = before.filter((entry) => {
    const subject = subjectOf(entry)
    return isAttestation(entry) && (subject === undefined || !(removed.has(subject) || saidAnew.has(subject)))
  })
  const merged = { ...existing?.annotations, ...annotations }
  return makeDocument(MEDIA_TYPE.index, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: [...all, ...keptSaid, ...said],
    ...(Object.keys(merged).length > 0 ? { annotations: merged } : {}),
  })
}

/** What became of entries in an index that others write, too. */
export type Held =
  /** All are there. */
  | 'there'
  /** One of them is not, and what was there before for its platform, or nothing, is in its place. */
  | 'lost'
  /** Somebody has put another image into the place of one of them. */
  | 'replaced'

/** Whether an index holds the entries; `before` are digests that were in their places before they were written. */
export function heldEntries(
  index: ImageIndex | undefined,
  entries: readonly Descriptor[],
  before: ReadonlySet<string>,
): Held {
  const present = index?.manifests ?? []
  const images = entries.filter((entry) => !isAttestation(entry))
  let replaced = false
  for (const image of images) {
    const inPlace = present.filter((entry) => !isAttestation(entry) && samePlace(image, entry))
    if (inPlace.some(({ digest }) => digest === image.digest)) continue
    if (inPlace.length === 0 || inPlace.some(({ digest }) => before.has(digest))) return 'lost'
    replaced = true
  }
  const digests = new Set<string>(present.map(({ digest }) => digest))
  for (const entry of entries.filter(isAttestation)) {
    const subject = subjectOf(entry)
    if (subject === undefined || !digests.has(subject)) continue
    if (!present.some((other) => isAttestation(other) && subjectOf(other) === subject)) return 'lost'
  }
  return replaced ? 'replaced' : 'there'
}

/** Digests of the images of an index that are in the places of others. */
export function inPlaceOf(index: ImageIndex | undefined, entries: readonly Descriptor[]): string[] {
  return (index?.manifests ?? [])
    .filter((one) => !isAttestation(one) && entries.some((entry) => !isAttestation(entry) && samePlace(entry, one)))
    .map(({ digest }) => digest)
}

/** Whether merging the entries would change nothing of what an index holds for their platforms. */
export function holdsExactly(index: ImageIndex | undefined, entries: readonly Descriptor[]): boolean {
  const present = new Set<string>((index?.manifests ?? []).map(({ digest }) => digest))
  return entries.every(({ digest }) => present.has(digest)) && inPlaceOf(index, entries).length === imagesIn(entries)
}

/** The platforms of an index that another list of images has no image for, as text, sorted, each once. */
export function lostPlatforms(before: ImageIndex, after: readonly Descriptor[]): string[] {
  const lost = before.manifests.filter(
    (entry) =>
      entry.platform !== undefined &&
      !isAttestation(entry) &&
      !isIndexType(entry.mediaType) &&
      !after.some((one) => !isAttestation(one) && samePlace(one, entry)),
  )
  return [...new Set(lost.map(({ platform }) => platformKey(fromDescriptorPlatform(platform!))))].sort()
}

/**
 * Whether two entries are images for one platform: variants are normalised, and of an OS version the build number
 * counts (its first three numbers), where both say one.
 */
function samePlace(a: Descriptor, b: Descriptor): boolean {
  if (!a.platform || !b.platform) return false
  const [one, other] = [fromDescriptorPlatform(a.platform), fromDescriptorPlatform(b.platform)]
  return (
    formatPlatform(one) === formatPlatform(other) &&
    featuresOf(one) === featuresOf(other) &&
    (!one.osVersion || !other.osVersion || buildOf(one.osVersion) === buildOf(other.osVersion))
  )
}

function featuresOf({ osFeatures = [] }: Platform): string {
  return osFeatures.toSorted().join(' ')
}

function buildOf(version: string): string {
  return version.split('.').slice(0, 3).join('.')
}

function subjectOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[SUBJECT]
}

function imagesIn(entries: readonly Descriptor[]): number {
  return entries.filter((entry) => !isAttestation(entry)).length
}

function checkAdded(images: readonly Descriptor[]): void {
  for (const [index, image] of images.entries()) {
    if (!image.platform)
      throw new XbuildError('BAD_PLATFORM', `Cannot put "${image.digest}" into an index: it has no platform`)
    if (!images.slice(0, index).some((other) => samePlace(other, image))) continue
    const platform = formatPlatform(fromDescriptorPlatform(image.platform))
    throw new XbuildError('BAD_PLATFORM', `Cannot put "${platform}" into an index twice`, {
      hint: 'Name each platform once',
    })
  }
}
