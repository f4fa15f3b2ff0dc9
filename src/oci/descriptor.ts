import type { Platform } from '../platform.ts'

/** `algorithm:hex`; xbuild writes sha256 and reads sha256 and sha512 (image-spec descriptor.md). */
export type Digest = `${string}:${string}`

/** A reference to content by digest (image-spec descriptor.md). Sizes are bytes. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: DescriptorPlatform
  readonly artifactType?: string
  readonly urls?: readonly string[]
  readonly data?: string
}

/** A platform as it is written in JSON (image-spec image-index.md): absent fields are left out. */
export interface DescriptorPlatform {
  readonly architecture: string
  readonly os: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
  readonly variant?: string
}

/** The JSON form of a platform. */
export function toDescriptorPlatform(platform: Platform): DescriptorPlatform {
  return {
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.osVersion ? { 'os.version': platform.osVersion } : {}),
    ...(platform.osFeatures?.length ? { 'os.features': platform.osFeatures } : {}),
    ...(platform.variant ? { variant: platform.variant } : {}),
  }
}

/** The platform a descriptor or an image config is for, as written there: not normalised. */
export function fromDescriptorPlatform(written: DescriptorPlatform): Platform {
  return {
    os: written.os,
    architecture: written.architecture,
    ...(written.variant ? { variant: written.variant } : {}),
    ...(written['os.version'] ? { osVersion: written['os.version'] } : {}),
    ...(written['os.features']?.length ? { osFeatures: written['os.features'] } : {}),
  }
}

/** The media types xbuild knows. */
export const MEDIA_TYPE = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  empty: 'application/vnd.oci.empty.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const
