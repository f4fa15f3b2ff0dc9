import type { Annotation } from '../oci/annotation.ts'
import { fromDescriptorPlatform } from '../oci/descriptor.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { parseManifest } from '../oci/read-manifest.ts'
import { serialize } from '../oci/serialize.ts'
import { platformOfNodeArch, samePlatform } from '../platform.ts'
import type { ImageSet } from './image-set.ts'
import { blobPath, layoutIndex } from './layout-files.ts'
import { ociTar } from './oci-tar.ts'

export interface DockerTarOptions {
  readonly tags: readonly Reference[]
  readonly annotations: readonly Annotation[]
  /** Seconds since the epoch. */
  readonly mtime: number
  readonly signal: AbortSignal
}

/**
 * An archive that `docker load` reads: an OCI image layout for engines whose store holds several platforms, and
 * beside it the
 * `manifest.json` of all others, which know only one image: that of this machine's platform, or the first.
 */
export function dockerTar(
  set: ImageSet,
  { tags, annotations, mtime, signal }: DockerTarOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const here = platformOfNodeArch(process.arch)
  const own =
    set.manifests.find(
      ({ descriptor: { platform } }) => platform && samePlatform(fromDescriptorPlatform(platform), here),
    ) ?? set.manifests[0]!
  const { config, layers } = parseManifest(own.bytes, own.descriptor)
  const list = [
    {
      Config: blobPath(config),
      RepoTags: tags.map((ref) => formatReference({ ...ref, tag: ref.tag ?? 'latest' })),
      Layers: layers.map(blobPath),
    },
  ]
  return ociTar(set, {
    index: layoutIndex(set, tags, annotations),
    signal,
    mtime,
    more: { 'manifest.json': serialize(list) },
  })
}
