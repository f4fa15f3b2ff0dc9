import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { NamedContext } from '../config/options.ts'
import { XbuildError } from '../errors.ts'
import { fromDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import type { ImageIndex } from '../oci/manifest.ts'
import { isIndexType } from '../oci/media-type.ts'
import { parseImageConfig } from '../oci/read-image-config.ts'
import { MAX_MANIFEST_BYTES, parseIndex, parseManifest } from '../oci/read-manifest.ts'
import { parseReference } from '../oci/reference.ts'
import { availablePlatforms, selectPlatform } from '../oci/select-platform.ts'
import {
  formatPlatform,
  normalizePlatform,
  platformKey,
  platformOfNodeArch,
  samePlatform,
  type Platform,
} from '../platform.ts'
import type { Store } from '../store/store.ts'
import { rememberBase } from './base-record.ts'
import type { ImageOrigin } from './image-origin.ts'
import { layoutOrigin } from './layout-origin.ts'
import { registryOrigin, type RegistryOriginOptions } from './registry-origin.ts'
import type { ImageLayer, ResolvedImage, SiblingImage } from './resolved-image.ts'

/** What base images come out of; paths of layouts are relative to `cwd`. */
export interface ImagesOptions extends RegistryOriginOptions {
  readonly cwd: string
}

/** Resolves base images; asks every registry once per image, however many platforms and stages want it. */
export function createImages(options: ImagesOptions) {
  const roots = new Map<string, Promise<{ origin: ImageOrigin; descriptor: Descriptor; bytes: Buffer }>>()
  const resolved = new Map<string, Promise<ResolvedImage>>()
  const fetches = new Map<string, Promise<void>>()
  const { store, emit } = options

  function fetchBlob(origin: ImageOrigin, descriptor: Descriptor, signal: AbortSignal): Promise<void> {
    const known = fetches.get(descriptor.digest)
    if (known) return known
    const id = `${origin.name} ${descriptor.digest.slice(7, 19)}`
    const report = (current: number, done = false) =>
      emit({
        type: 'transfer',
        id,
        name: id,
        current,
        total: descriptor.size,
        ...(done ? { done } : {}),
        at: Date.now(),
      })
    const promise = (async () => {
      if (await store.blobs.has(descriptor.digest, descriptor.size)) return
      await store.blobs.fetch(descriptor, (offset) => origin.blob(descriptor, offset, signal), {
        signal,
        onProgress: (current) => report(current),
      })
      report(descriptor.size, true)
      if (origin.repository) await rememberOrigin(store, descriptor.digest, origin.repository)
    })()
    fetches.set(descriptor.digest, promise)
    promise.catch(() => fetches.delete(descriptor.digest))
    return promise
  }

  async function document(origin: ImageOrigin, descriptor: Descriptor, signal: AbortSignal): Promise<Buffer> {
    if (descriptor.size > 2 * MAX_MANIFEST_BYTES)
      throw new XbuildError(
        'BAD_IMAGE',
        `Cannot read "${origin.name}": ${descriptor.digest} has ${descriptor.size} bytes, too large for a manifest`,
      )
    if (!(await store.blobs.has(descriptor.digest, descriptor.size))) {
      const bytes = await origin.document(descriptor, signal)
      const put = await store.blobs.put(bytes, descriptor.mediaType)
      if (put.digest !== descriptor.digest) throw mismatch(origin, descriptor, put.digest)
      return bytes
    }
    return readFile(store.blobs.path(descriptor.digest))
  }

  /** Each image once for a platform, however many targets start from it. */
  function resolveImage(
    origin: () => ImageOrigin,
    key: string,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<ResolvedImage> {
    const name = `${key} ${platformKey(platform)}`
    const known = resolved.get(name)
    if (known) return known
    const image = resolveNew(origin, key, platform, signal)
    resolved.set(name, image)
    image.catch(() => resolved.delete(name))
    return image
  }

  async function resolveNew(
    origin: () => ImageOrigin,
    key: string,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<ResolvedImage> {
    let pending = roots.get(key)
    if (!pending) {
      pending = (async () => {
        const from = origin()
        return { origin: from, ...(await from.root(signal)) }
      })()
      roots.set(key, pending)
    }
    const { origin: from, descriptor, bytes } = await pending
    if (!isIndexType(descriptor.mediaType)) return readImage({ from, platform, descriptor, bytes }, signal)
    return fromIndex(from, parseIndex(bytes, descriptor), platform, signal)
  }

  async function fromIndex(
    from: ImageOrigin,
    index: ImageIndex,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<ResolvedImage> {
    const descriptor = selectPlatform(index, platform)
    if (!descriptor) throw noPlatform(from.name, platform, availablePlatforms(index))
    return readImage({ from, index, platform, descriptor, bytes: await document(from, descriptor, signal) }, signal)
  }

  function siblingOf(from: ImageOrigin, index: ImageIndex, own: Descriptor): SiblingImage | undefined {
    const platform = platformOfNodeArch(process.arch)
    const found = selectPlatform(index, platform)
    if (!found || found.digest === own.digest) return undefined
    return { digest: found.digest, platform, resolve: (signal) => fromIndex(from, index, platform, signal) }
  }

  async function readImage(
    {
      from,
      index,
      platform,
      descriptor,
      bytes,
    }: { from: ImageOrigin; index?: ImageIndex; platform: Platform; descriptor: Descriptor; bytes: Buffer },
    signal: AbortSignal,
  ): Promise<ResolvedImage> {
    const manifest = parseManifest(bytes, descriptor)
    const config = parseImageConfig(await document(from, manifest.config, signal), manifest.config)
    const own = normalizePlatform(fromDescriptorPlatform(config))
    if (!index && (own.os !== platform.os || own.architecture !== platform.architecture))
      throw noPlatform(from.name, platform, [formatPlatform(own)])
    if (!index && !samePlatform(own, platform) && own.architecture === platform.architecture) {
      emit({
        type: 'warning',
        message: `${from.name} is for ${formatPlatform(own)}, used for ${formatPlatform(platform)}`,
        at: Date.now(),
      })
    }
    if (config.rootfs.diff_ids.length !== manifest.layers.length) {
      throw new XbuildError(
        'BAD_IMAGE',
        `Cannot use "${from.name}": its config names ${config.rootfs.diff_ids.length} layers, its manifest ${manifest.layers.length}`,
      )
    }
    const layers = manifest.layers.map(
      (layer, index): ImageLayer => ({
        descriptor: layer,
        diffId: config.rootfs.diff_ids[index]!,
        ...(from.repository ? { origin: from.repository } : {}),
        fetch: (abort) => fetchBlob(from, layer, abort),
      }),
    )
    const sibling = index && siblingOf(from, index, descriptor)
    const image: ResolvedImage = {
      name: from.name,
      manifest: descriptor,
      config,
      layers,
      ...(sibling ? { sibling } : {}),
    }
    await rememberBase(store, image, manifest.config.digest)
    return image
  }

  return {
    /** An image by reference, from its registry. */
    fromRegistry(text: string, platform: Platform, signal: AbortSignal): Promise<ResolvedImage> {
      return resolveImage(() => registryOrigin(parseReference(text), options), `registry ${text}`, platform, signal)
    },
    /** An image of an OCI layout folder. */
    fromLayout(
      context: Extract<NamedContext, { kind: 'oci-layout' }>,
      platform: Platform,
      signal: AbortSignal,
    ): Promise<ResolvedImage> {
      return resolveImage(
        () => layoutOrigin(resolve(options.cwd, context.path), context.ref),
        `layout ${context.path} ${context.ref ?? ''}`,
        platform,
        signal,
      )
    },
  }
}

export type Images = ReturnType<typeof createImages>

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

function mismatch(origin: ImageOrigin, descriptor: Descriptor, found: string): XbuildError {
  return new XbuildError(
    'DIGEST_MISMATCH',
    `Cannot use "${origin.name}": requested ${descriptor.digest}, received ${found}`,
    { hint: 'The source is damaged or malicious' },
  )
}

async function rememberOrigin(store: Store, digest: string, repository: string): Promise<void> {
  const hex = digest.slice(digest.indexOf(':') + 1)
  const known = (await store.records.get<{ repositories: string[] }>('origins', hex))?.repositories ?? []
  if (!known.includes(repository))
    await store.records.put('origins', hex, { repositories: [...known, repository].slice(-8) })
}

/** Repositories that are known to hold a blob. */
export async function originsOf(store: Store, digest: string): Promise<readonly string[]> {
  return (
    (await store.records.get<{ repositories: string[] }>('origins', digest.slice(digest.indexOf(':') + 1)))
      ?.repositories ?? []
  )
}
