import { XbuildError } from '../errors.ts'
import { bestMatch, formatPlatform, type Platform } from '../platform.ts'
import type { PlatformImage } from './image-set.ts'

/** A Docker Engine that images are loaded into. */
export interface LoadTarget {
  readonly endpoint: string
  /** Its own platform. */
  readonly platform: Platform
  /** Whether its image store holds several platforms under one name. */
  readonly severalPlatforms: boolean
  /**
   * Takes an archive as `docker save` writes it; gives back the names, or the ids, that the engine says. Throws NODE.
   */
  load(tar: AsyncIterable<Uint8Array>, options: { readonly signal: AbortSignal }): Promise<readonly string[]>
}

/**
 * The images that an engine can hold: all, the only one, or that of its own platform. Throws BAD_PLATFORM when that
 * was not built.
 */
export function loadable<T extends Pick<PlatformImage, 'platform'>>(
  { endpoint, platform, severalPlatforms }: LoadTarget,
  images: readonly T[],
): readonly T[] {
  if (severalPlatforms || images.length < 2) return images
  const index = bestMatch(
    platform,
    images.map((image) => image.platform),
  )
  if (index !== undefined) return [images[index]!]
  throw new XbuildError(
    'BAD_PLATFORM',
    `Cannot load ${images.map((image) => formatPlatform(image.platform)).join(', ')} into "${endpoint}": its image store holds one platform, and it runs ${formatPlatform(platform)}`,
    {
      hint: `Build for ${formatPlatform(platform)} too, or use -o type=oci,dest=FILE.tar`,
    },
  )
}
