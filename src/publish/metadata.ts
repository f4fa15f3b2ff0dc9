import type { XbuildError } from '../errors.ts'
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
  /** By platform. */
  readonly provenance?: ReadonlyMap<string, unknown>
}

/** What `--metadata-file` holds, with buildx's names. */
export function metadataOf(
  set: ImageSet,
  tags: readonly Reference[],
  { missing = [], packs = [], provenance = new Map() }: MetadataFacts = {},
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
            ...(node === undefined ? {} : { node }),
          })),
        }
      : {}),
  }
}

/**
 * The text of `--iidfile`, as buildx: the config's digest of an image of one platform (Docker's image ID), else the
 * index's.
 */
export function imageId(set: ImageSet): string {
  return set.configDigest ?? set.root.descriptor.digest
}
