import { XbuildError } from '../errors.ts'
import { formatPlatform, normalizePlatform, platformKey } from '../platform.ts'
import { fromDescriptorPlatform, MEDIA_TYPE, toDescriptorPlatform, type Descriptor } from './descriptor.ts'
import { sha256 } from './digest.ts'
import type { ImageIndex, Manifest } from './manifest.ts'
import { toDockerMediaType, toOciMediaType } from './media-type.ts'
import { serialize } from './serialize.ts'

/** A manifest, index or config with the descriptor of its bytes. */
export interface Document {
  readonly descriptor: Descriptor
  readonly bytes: Buffer
}

/** A value as JSON with its descriptor. */
export function makeDocument(mediaType: string, value: unknown): Document {
  const bytes = serialize(value)
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes }
}

/** An OCI image manifest; Docker media types of config and layers get their OCI names. */
export function makeManifest(parts: {
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>>
}): Document {
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: withOciType(parts.config),
    layers: parts.layers.map(withOciType),
    ...annotated(parts.annotations),
  }
  return makeDocument(manifest.mediaType, manifest)
}

/**
 * An OCI image index of the given manifests, each with its platform normalised, in the order given: readers take the
 * first entry that
 * fits (image-spec image-index.md), so the order is the user's to choose, and it does not depend on which build ended
 * first.
 * `attestations` come after all images, as they are. Throws BAD_PLATFORM for two manifests of one platform, of which
 * readers would never find the second.
 */
export function makeIndex(
  children: readonly Descriptor[],
  annotations?: Readonly<Record<string, string>>,
  attestations: readonly Descriptor[] = [],
): Document {
  const manifests = children.map(normalized)
  const seen = new Set<string>()
  for (const platform of manifests.flatMap((child) =>
    child.platform ? [fromDescriptorPlatform(child.platform)] : [],
  )) {
    const key = platformKey(platform)
    if (seen.has(key)) {
      throw new XbuildError('BAD_PLATFORM', `Cannot put "${formatPlatform(platform)}" into an index twice`, {
        hint: 'Name each platform once in --platform',
      })
    }
    seen.add(key)
  }
  const index: ImageIndex = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: [...manifests, ...attestations],
    ...annotated(annotations),
  }
  return makeDocument(index.mediaType, index)
}

/** A manifest with Docker's media types, its own and those of config and layers. Docker's has no annotations. */
export function makeDockerManifest({ config, layers }: Pick<Manifest, 'config' | 'layers'>): Document {
  const renamed = ({ mediaType, digest, size }: Descriptor) => ({
    mediaType: toDockerMediaType(mediaType),
    digest,
    size,
  })
  const mediaType = MEDIA_TYPE.dockerManifest
  const manifest: Manifest = { schemaVersion: 2, mediaType, config: renamed(config), layers: layers.map(renamed) }
  return makeDocument(mediaType, manifest)
}

/** Docker's manifest list of what an index would hold. */
export function makeDockerList(index: Document): Document {
  const { manifests } = JSON.parse(index.bytes.toString()) as ImageIndex
  const list: ImageIndex = { schemaVersion: 2, mediaType: MEDIA_TYPE.dockerList, manifests }
  return makeDocument(list.mediaType, list)
}

function normalized(child: Descriptor): Descriptor {
  if (!child.platform) return child
  return { ...child, platform: toDescriptorPlatform(normalizePlatform(fromDescriptorPlatform(child.platform))) }
}

function withOciType(descriptor: Descriptor): Descriptor {
  return { ...descriptor, mediaType: toOciMediaType(descriptor.mediaType) }
}

function annotated(annotations?: Readonly<Record<string, string>>): { annotations?: Readonly<Record<string, string>> } {
  return annotations && Object.keys(annotations).length > 0 ? { annotations } : {}
}
