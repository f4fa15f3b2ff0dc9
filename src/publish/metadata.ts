import { compact } from '../compact.ts'
import type { PlatformStarts } from '../content/starts.ts'
import type { XbuildError } from '../errors.ts'
import { isAttestation } from '../oci/attestation.ts'
import { fromDescriptorPlatform } from '../oci/descriptor.ts'
import { parseManifest } from '../oci/read-manifest.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import type { ImageSet } from './image-set.ts'

/** An optional platform that the index lacks, and why. */
export interface MissingPlatform {
  readonly platform: Platform
  readonly error: XbuildError
}

/** A native toolchain that programs of a platform's steps were run from. */
export interface PackOfPlatform {
  readonly platform: string
  readonly name: string
  readonly digest: string
  /** The node whose steps could start programs from it. */
  readonly node?: string
}

/** What is told beside the images. */
export interface MetadataFacts {
  readonly missing?: readonly MissingPlatform[]
  readonly packs?: readonly PackOfPlatform[]
  /** What emulated steps started. */
  readonly starts?: readonly PlatformStarts[]
  /** By platform. */
  readonly provenance?: ReadonlyMap<string, unknown>
  readonly platforms?: readonly PublishedPlatform[]
}

/** The image of one platform as it was published. */
export interface PublishedPlatform {
  readonly platform: string
  /** Digest of its manifest, the one in the index. */
  readonly digest: string
  readonly configDigest: string
}

/** What a set holds, by platform, in the order asked for; attestations are no platforms. */
export function publishedPlatforms(set: ImageSet): readonly PublishedPlatform[] {
  return set.manifests
    .filter(({ descriptor }) => !isAttestation(descriptor))
    .map(({ descriptor, bytes }) => ({
      platform: formatPlatform(fromDescriptorPlatform(descriptor.platform!)),
      digest: descriptor.digest,
      configDigest: parseManifest(bytes, descriptor).config.digest,
    }))
}

/** What `--metadata-file` holds, with buildx's names. */
export function metadataOf(
  set: ImageSet,
  tags: readonly Reference[],
  { missing = [], packs = [], starts = [], provenance = new Map(), platforms = [] }: MetadataFacts = {},
): Readonly<Record<string, unknown>> {
  const several = provenance.size + missing.length > 1
  return {
    ...Object.fromEntries(
      [...provenance].map(([platform, facts]) => [
        several ? `buildx.build.provenance/${platform}` : 'buildx.build.provenance',
        facts,
      ]),
    ),
    ...(set.configDigest ? { 'containerimage.config.digest': set.configDigest } : {}),
    'containerimage.descriptor': set.root.descriptor,
    'containerimage.digest': set.root.descriptor.digest,
    ...(platforms.length > 0
      ? {
          'xbuild.platforms': Object.fromEntries(
            platforms.map(({ platform, digest, configDigest }) => [
              platform,
              { 'containerimage.digest': digest, 'containerimage.config.digest': configDigest },
            ]),
          ),
        }
      : {}),
    ...(tags.length > 0 ? { 'image.name': tags.map(formatReference).join(',') } : {}),
    ...(missing.length > 0
      ? {
          'xbuild.missing': missing.map(({ platform, error: { code, message } }) => ({
            platform: formatPlatform(platform),
            code,
            message,
          })),
        }
      : {}),
    ...(packs.length > 0
      ? {
          'xbuild.packs': packs.map(({ platform, name, digest, node }) => ({
            platform,
            name,
            digest,
            ...compact({ node }),
          })),
        }
      : {}),
    ...(starts.length > 0 ? { 'xbuild.starts': starts } : {}),
  }
}

/**
 * The text of `--iidfile`, as buildx: the config's digest of an image of one platform (Docker's image ID), else the
 * index's.
 */
export function imageId(set: ImageSet): string {
  return set.configDigest ?? set.root.descriptor.digest
}
