import { resolve } from 'node:path'
import type { NamedContext } from '../config/options.ts'
import { onceByKey } from '../host/once.ts'
import { parseReference } from '../oci/reference.ts'
import { platformKey, type Platform } from '../platform.ts'
import type { ImageOrigin } from './image-origin.ts'
import { layoutOrigin } from './layout-origin.ts'
import { createOriginBlobs } from './origin-blobs.ts'
import { readImage, type ImageRoot } from './read-image.ts'
import { registryOrigin, type RegistryOriginOptions } from './registry-origin.ts'
import type { ResolvedImage } from './resolved-image.ts'

/** What base images come out of; paths of layouts are relative to `cwd`. */
export interface ImagesOptions extends RegistryOriginOptions {
  readonly cwd: string
}

/** Base images by name, for a platform. */
export interface Images {
  /** An image by reference, from its registry. */
  fromRegistry(text: string, platform: Platform, signal: AbortSignal): Promise<ResolvedImage>
  /** An image of an OCI layout folder. */
  fromLayout(
    context: Extract<NamedContext, { kind: 'oci-layout' }>,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<ResolvedImage>
}

/** Resolves base images; asks every registry once per image, however many platforms and stages want it. */
export function createImages(options: ImagesOptions): Images {
  const { store, emit } = options
  const blobs = createOriginBlobs({ store, emit })
  const roots = new Map<string, Promise<ImageRoot>>()
  const resolved = onceByKey<ResolvedImage>()

  function rootOf(key: string, open: () => ImageOrigin, signal: AbortSignal): Promise<ImageRoot> {
    const root = roots.get(key) ?? readRoot(open, signal)
    roots.set(key, root)
    return root
  }

  /** Each image once for a platform, however many targets start from it. */
  function resolveImage(
    key: string,
    open: () => ImageOrigin,
    { platform, signal }: { readonly platform: Platform; readonly signal: AbortSignal },
  ): Promise<ResolvedImage> {
    return resolved(`${key} ${platformKey(platform)}`, async () =>
      readImage(await rootOf(key, open, signal), platform, { blobs, store, emit, signal }),
    )
  }

  return {
    fromRegistry(text, platform, signal) {
      return resolveImage(`registry ${text}`, () => registryOrigin(parseReference(text), options), { platform, signal })
    },
    fromLayout({ path, ref }, platform, signal) {
      const open = () => layoutOrigin(resolve(options.cwd, path), ref)
      return resolveImage(`layout ${path} ${ref ?? ''}`, open, { platform, signal })
    },
  }
}

async function readRoot(open: () => ImageOrigin, signal: AbortSignal): Promise<ImageRoot> {
  const origin = open()
  return { origin, ...(await origin.root(signal)) }
}
