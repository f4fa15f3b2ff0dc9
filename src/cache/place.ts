import type { BlobSource } from '../content/built-image.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Platform } from '../platform.ts'
import { formatPlatform } from '../platform.ts'
import type { CacheDocument, CacheImage } from './document.ts'

/** Somewhere that caches are kept: a registry, a folder, a service. Each platform has a place of its own there. */
export interface CachePlace {
  /** As messages call it: `registry 127.0.0.1:5000/app:cache`. */
  readonly name: string
  /** The caches that are there for these platforms: nothing when there are none. Throws XbuildError. */
  load(platforms: readonly Platform[], signal: AbortSignal): Promise<readonly LoadedCache[]>
  /** Puts, or replaces, the cache of a platform. Throws XbuildError. */
  save(platform: Platform, cache: CacheImage, layers: BlobSource, signal: AbortSignal): Promise<void>
}

/** A cache that was read; its layers are still where they were. */
export interface LoadedCache {
  readonly document: CacheDocument
  /** Repository (`host/name`) that holds the layers, if they are in a registry. */
  readonly repository?: string
  /** A layer's bytes from `offset` on. */
  open(layer: Descriptor, offset: number, signal: AbortSignal): Promise<NodeJS.ReadableStream>
}

/** The part of a name that keeps a platform apart: `linux-arm-v7`. */
export function platformName(platform: Platform): string {
  return formatPlatform(platform).replaceAll(/[^A-Za-z0-9_.]+/g, '-')
}
