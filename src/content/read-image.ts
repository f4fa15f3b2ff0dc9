import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { Emit } from '../events.ts'
import { fromDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import type { ImageConfig, ImageIndex, Manifest } from '../oci/manifest.ts'
import { isIndexType } from '../oci/media-type.ts'
import { parseImageConfig } from '../oci/read-image-config.ts'
import { parseIndex, parseManifest } from '../oci/read-manifest.ts'
import { availablePlatforms, selectPlatform } from '../oci/select-platform.ts'
import { formatPlatform, normalizePlatform, platformOfNodeArch, samePlatform, type Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import { rememberBase } from './base-record.ts'
import type { ImageOrigin } from './image-origin.ts'
import type { OriginBlobs } from './origin-blobs.ts'
import type { ImageLayer, ResolvedImage, SiblingImage } from './resolved-image.ts'

/** What a name stands for at its origin: an image or an index. */
export interface ImageRoot {
  readonly origin: ImageOrigin
  readonly descriptor: Descriptor
  readonly bytes: Buffer
}

/** What reading an image needs. */
export interface ReadImageOptions {
  readonly blobs: OriginBlobs
  readonly store: Store
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** The image for a platform. Throws NO_PLATFORM, BAD_IMAGE. */
export async function readImage(
  root: ImageRoot,
  platform: Platform,
  options: ReadImageOptions,
): Promise<ResolvedImage> {
  const { origin, descriptor, bytes } = root
  if (isIndexType(descriptor.mediaType)) return readFromIndex(origin, parseIndex(bytes, descriptor), platform, options)
  const read = await readParts(root, options)
  checkSingleImage(origin, read.config, platform, options)
  return resolvedOf(read, undefined, options)
}

async function readFromIndex(
  origin: ImageOrigin,
  index: ImageIndex,
  platform: Platform,
  options: ReadImageOptions,
): Promise<ResolvedImage> {
  const descriptor = selectPlatform(index, platform)
  if (!descriptor) throw noPlatform(origin.name, platform, availablePlatforms(index))
  const bytes = await options.blobs.document(origin, descriptor, options.signal)
  const read = await readParts({ origin, descriptor, bytes }, options)
  return resolvedOf(read, siblingOf(origin, index, descriptor, options), options)
}

function siblingOf(
  origin: ImageOrigin,
  index: ImageIndex,
  own: Descriptor,
  options: ReadImageOptions,
): SiblingImage | undefined {
  const platform = platformOfNodeArch(process.arch)
  const found = selectPlatform(index, platform)
  if (!found || found.digest === own.digest) return undefined
  const resolve = (signal: AbortSignal) => readFromIndex(origin, index, platform, { ...options, signal })
  return { digest: found.digest, platform, resolve }
}

interface ImageParts {
  readonly origin: ImageOrigin
  readonly descriptor: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
}

async function readParts(
  { origin, descriptor, bytes }: ImageRoot,
  { blobs, signal }: ReadImageOptions,
): Promise<ImageParts> {
  const manifest = parseManifest(bytes, descriptor)
  const config = parseImageConfig(await blobs.document(origin, manifest.config, signal), manifest.config)
  return { origin, descriptor, manifest, config }
}

/** An image without an index has nothing but its config to say what it is for; its variant may be another. */
function checkSingleImage(
  { name }: ImageOrigin,
  config: ImageConfig,
  platform: Platform,
  { emit }: ReadImageOptions,
): void {
  const own = normalizePlatform(fromDescriptorPlatform(config))
  if (own.os !== platform.os || own.architecture !== platform.architecture)
    throw noPlatform(name, platform, [formatPlatform(own)])
  if (samePlatform(own, platform)) return
  const message = `${name} is for ${formatPlatform(own)}, used for ${formatPlatform(platform)}`
  emit({ type: 'warning', message, at: Date.now() })
}

async function resolvedOf(
  { origin, descriptor, manifest, config }: ImageParts,
  sibling: SiblingImage | undefined,
  { blobs, store }: ReadImageOptions,
): Promise<ResolvedImage> {
  const { name, repository } = origin
  const ids = config.rootfs.diff_ids
  if (ids.length !== manifest.layers.length) {
    throw new XbuildError(
      'BAD_IMAGE',
      `Cannot use "${name}": its config names ${ids.length} layers, its manifest ${manifest.layers.length}`,
    )
  }
  const layers = manifest.layers.map(
    (layer, index): ImageLayer => ({
      descriptor: layer,
      diffId: ids[index]!,
      ...(repository ? { origin: repository } : {}),
      fetch: (abort) => blobs.layer(origin, layer, abort),
    }),
  )
  const image: ResolvedImage = { name, manifest: descriptor, config, layers, ...compact({ sibling }) }
  await rememberBase(store, image, manifest.config.digest)
  return image
}

function noPlatform(name: string, platform: Platform, available: readonly string[]): XbuildError {
  return new XbuildError(
    'NO_PLATFORM',
    `Cannot use "${name}" for ${formatPlatform(platform)}: it has ${available.join(', ') || 'no images'} only`,
    {
      hint: 'Take another base image, or build only for platforms that it has',
      facts: { platforms: available },
    },
  )
}
