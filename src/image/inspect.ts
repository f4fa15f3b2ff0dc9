import { compact } from '../compact.ts'
import { forEachLimited } from '../host/pool.ts'
import { XbuildError } from '../errors.ts'
import { fromDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import type { ImageConfig } from '../oci/manifest.ts'
import { isConfigType } from '../oci/media-type.ts'
import { parseImageConfig } from '../oci/read-image-config.ts'
import { formatPlatform, normalizePlatform, samePlatform, type Platform } from '../platform.ts'
import { parseAny } from '../oci/any-manifest.ts'
import { readRoot, withPlatform, type Entry } from './entries.ts'
import { inspectReferrers, type InspectedReferrer } from './referrers.ts'
import { readDocument, type ImageSource } from './source.ts'

/** One image of what is inspected. */
export interface InspectedImage {
  readonly platform?: string
  readonly digest: string
  readonly mediaType: string
  /** Bytes of its config and layers as they are kept: packed. */
  readonly size: number
  readonly layers: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly attestations: readonly InspectedAttestation[]
  /** What refers to it; absent: nothing, or it was not asked for. */
  readonly referrers?: readonly InspectedReferrer[]
}

/** What is said of an image beside it in the index. */
export interface InspectedAttestation {
  readonly digest: string
  readonly predicateTypes: readonly string[]
}

/** What a name stands for. */
export interface Inspected {
  readonly name: string
  readonly mediaType: string
  readonly digest: string
  /** Bytes of the index or manifest itself. */
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly images: readonly InspectedImage[]
  /** What refers to the index. */
  readonly referrers?: readonly InspectedReferrer[]
  /** Entries that are neither images nor attestations of one. */
  readonly others: readonly { readonly digest: string; readonly mediaType: string; readonly about?: string }[]
}

/** One image with its configuration. */
export interface InspectedPlatform {
  readonly name: string
  readonly platform: string
  readonly digest: string
  readonly mediaType: string
  readonly layers: readonly Descriptor[]
  readonly config: ImageConfig
}

const READS = 6

/** How much is read of an image. */
export interface InspectOptions {
  /** What refers to the index and its images is listed. */
  readonly referrers: boolean
  readonly signal: AbortSignal
}

/** Reads the index and the manifest of each platform; configs only where nothing else tells the platform. */
export async function inspectImage(source: ImageSource, { referrers, signal }: InspectOptions): Promise<Inspected> {
  const { root, manifest, isIndex, entries } = await readRoot(source, signal)
  const read = new Map<Entry, InspectedImage | InspectedAttestation>()
  await forEachLimited(entries, { limit: READS, signal }, async (entry, inner) => {
    if (!entry.platform && entry.about === undefined && isIndex) return
    const { descriptor, bytes } = isIndex ? await readDocument(source, entry.descriptor, inner) : root
    const own = isIndex ? parseAny(bytes, descriptor) : manifest
    const { digest } = descriptor
    if (entry.about !== undefined) {
      const predicateTypes = own.layers.map(
        ({ annotations }) => annotations?.['in-toto.io/predicate-type'] ?? 'unknown',
      )
      return void read.set(entry, { digest, predicateTypes })
    }
    const { platform } = await withPlatform(entry, { source, manifest: own, signal: inner })
    const said = entry.descriptor.annotations ?? (isIndex ? undefined : own.annotations)
    read.set(entry, {
      ...compact({ platform: platform && formatPlatform(platform) }),
      digest,
      mediaType: descriptor.mediaType,
      size: [...(own.config ? [own.config] : []), ...own.layers].reduce((sum, { size }) => sum + size, 0),
      layers: own.layers.length,
      ...compact({ annotations: said }),
      attestations: [],
    })
  })
  const subjects = entries.flatMap((entry) => ('layers' in (read.get(entry) ?? {}) ? [entry.descriptor] : []))
  const said = referrers
    ? await inspectReferrers(source, isIndex ? [root.descriptor, ...subjects] : subjects, signal)
    : new Map<string, readonly InspectedReferrer[]>()
  const referrersOf = (digest: string) => {
    const found = said.get(digest)
    return found ? { referrers: found } : {}
  }
  const images = entries.flatMap((entry): InspectedImage[] => {
    const image = read.get(entry)
    if (!image || !('layers' in image)) return []
    const about = entries.filter((one) => one.about === image.digest)
    const attestations = about.map((one) => read.get(one) as InspectedAttestation)
    return [{ ...image, attestations, ...referrersOf(image.digest) }]
  })
  const known = new Set(
    images.flatMap(({ digest, attestations }) => [digest, ...attestations.map((one) => one.digest)]),
  )
  return {
    name: source.name,
    mediaType: root.descriptor.mediaType,
    digest: root.descriptor.digest,
    size: root.descriptor.size,
    ...compact({ annotations: manifest.annotations }),
    images,
    ...(isIndex ? referrersOf(root.descriptor.digest) : {}),
    others: entries
      .filter(({ descriptor }) => !known.has(descriptor.digest))
      .map(({ descriptor: { digest, mediaType }, about }) => ({
        digest,
        mediaType,
        ...compact({ about }),
      })),
  }
}

/** Reads the manifest and the config of one platform; without one there must be one image only. Throws NO_PLATFORM. */
export async function inspectPlatform(
  source: ImageSource,
  wanted: Platform | undefined,
  signal: AbortSignal,
): Promise<InspectedPlatform & { readonly bytes: Buffer }> {
  const { root, manifest, isIndex, entries } = await readRoot(source, signal)
  const images = entries.filter(({ platform }) => platform !== undefined)
  const found = isIndex ? images.find(({ platform }) => !wanted || samePlatform(platform!, wanted)) : entries[0]
  if (!found) throw noPlatform(source.name, wanted, images)
  const document = isIndex ? await readDocument(source, found.descriptor, signal) : root
  const own = isIndex ? parseAny(document.bytes, document.descriptor) : manifest
  if (!own.config || !isConfigType(own.config.mediaType))
    throw new XbuildError(
      'UNSUPPORTED',
      `Cannot inspect "${source.name}": ${document.descriptor.digest} is no container image`,
    )
  const config = parseImageConfig((await readDocument(source, own.config, signal)).bytes, own.config)
  const platform = found.platform ?? normalizePlatform(fromDescriptorPlatform(config))
  if (wanted && !samePlatform(platform, wanted)) throw noPlatform(source.name, wanted, [{ ...found, platform }])
  return {
    name: source.name,
    platform: formatPlatform(platform),
    digest: document.descriptor.digest,
    mediaType: document.descriptor.mediaType,
    layers: own.layers,
    config,
    bytes: document.bytes,
  }
}

function noPlatform(name: string, wanted: Platform | undefined, images: readonly Entry[]): XbuildError {
  const platforms = images.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []))
  return new XbuildError(
    'NO_PLATFORM',
    `Cannot find ${wanted ? formatPlatform(wanted) : 'an image'} in "${name}": it has ${platforms.join(', ') || 'no images with a platform'} only`,
    { facts: { platforms } },
  )
}
