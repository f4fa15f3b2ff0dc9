import type { BlobSource } from '../content/built-image.ts'
import type { Emit } from '../events.ts'
import { XbuildError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isIndexType } from '../oci/media-type.ts'
import { parseIndex } from '../oci/read-manifest.ts'
import { familiarReference, parseReference, type Reference } from '../oci/reference.ts'
import { selectPlatform } from '../oci/select-platform.ts'
import type { Platform } from '../platform.ts'
import { upload } from '../publish/push.ts'
import type { RegistryClient, RemoteManifest } from '../registry/types.ts'
import { openManifest, readCache, type CacheImage } from './document.ts'
import { imageSetOf } from './image-set.ts'
import { platformName, type CachePlace, type LoadedCache } from './place.ts'

const MAX_TAG = 128

/**
 * Caches behind a reference: the tag of a platform's is `<tag>-<platform>`, so that builds of several platforms never
 * overwrite each other.
 */
export function registryPlace(text: string, { registry, emit }: { registry: RegistryClient; emit: Emit }): CachePlace {
  const ref = parseReference(text)

  async function manifestAt(at: Reference, signal: AbortSignal): Promise<RemoteManifest | undefined> {
    try {
      return await registry.manifest(at, { signal })
    } catch (error) {
      if (error instanceof XbuildError && error.code === 'NOT_FOUND') return undefined
      throw error
    }
  }

  /** A cache manifest, an image with an inline cache, or an index of such. */
  async function read(
    found: RemoteManifest | undefined,
    platforms: readonly Platform[],
    signal: AbortSignal,
  ): Promise<LoadedCache[]> {
    if (!found) return []
    if (isIndexType(found.descriptor.mediaType)) {
      const index = parseIndex(found.bytes, found.descriptor)
      const children = new Map(
        platforms.flatMap((platform) => selectPlatform(index, platform) ?? []).map((child) => [child.digest, child]),
      )
      const manifests = await Promise.all(
        [...children.keys()].map((digest) =>
          manifestAt({ host: ref.host, repository: ref.repository, digest }, signal),
        ),
      )
      const inner = manifests.filter((child) => child !== undefined && !isIndexType(child.descriptor.mediaType))
      return (await Promise.all(inner.map((child) => read(child, platforms, signal)))).flat()
    }
    const opened = openManifest(found.bytes, found.descriptor)
    const document = readCache(await wholeBlob(opened.config, signal), opened)
    if (!document) return []
    const open: LoadedCache['open'] = (layer, offset, abort) =>
      registry.blob({ host: ref.host, repository: ref.repository }, layer, { signal: abort, offset })
    return [{ document, repository: `${ref.host}/${ref.repository}`, open }]
  }

  async function wholeBlob(descriptor: Descriptor, signal: AbortSignal): Promise<Buffer> {
    const chunks: Buffer[] = []
    for await (const chunk of await registry.blob({ host: ref.host, repository: ref.repository }, descriptor, {
      signal,
    }))
      chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }

  return {
    name: `registry ${familiarReference(ref)}`,
    async load(platforms, signal) {
      const own = ref.digest ? [] : platforms.map((platform) => tagged(ref, platform))
      const found = await Promise.all(
        [ref, ...own].map(async (at) => read(await manifestAt(at, signal), platforms, signal)),
      )
      return found.flat()
    },
    async save(platform, cache: CacheImage, layers: BlobSource, signal) {
      if (ref.digest)
        throw new XbuildError(
          'BAD_OPTION',
          `Cannot export to "${text}": a reference with a digest cannot be written to`,
          {
            hint: 'Use a reference with a tag',
          },
        )
      const at = tagged(ref, platform)
      const set = imageSetOf(cache, layers)
      await upload(set, [at], { registry, emit, signal })
      await registry.pushManifest(at, set.root, { signal })
    },
  }
}

function tagged(ref: Reference, platform: Platform): Reference {
  const name = platformName(platform)
  return {
    host: ref.host,
    repository: ref.repository,
    tag: `${(ref.tag ?? 'latest').slice(0, MAX_TAG - 1 - name.length)}-${name}`,
  }
}
