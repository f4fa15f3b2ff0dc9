import { compact } from '../../compact.ts'
import { XbuildError } from '../../errors.ts'
import { fromDescriptorPlatform, toDescriptorPlatform } from '../../oci/descriptor.ts'
import type { HistoryEntry, ImageConfig } from '../../oci/manifest.ts'
import { formatPlatform, normalizePlatform, samePlatform, type Platform } from '../../platform.ts'

/**
 * The engine's config as one of ours: nothing the image-spec does not know, the platform as it was asked for. Throws
 * BAD_PLATFORM.
 */
export function configFor(
  config: ImageConfig,
  platform: Platform,
  { endpoint, sourceDateEpoch }: { readonly endpoint: string; readonly sourceDateEpoch?: number },
): ImageConfig {
  const made = normalizePlatform(fromDescriptorPlatform(config))
  // Engines without BuildKit often leave the variant out
  const alike = samePlatform(
    { ...made, ...(config.variant === undefined && platform.variant ? { variant: platform.variant } : {}) },
    platform,
  )
  if (!alike) {
    throw new XbuildError(
      'BAD_PLATFORM',
      `Cannot take the image from "${endpoint}": it is for ${formatPlatform(made)}, and ${formatPlatform(platform)} was asked for`,
      {
        hint: 'Build on another node, or use a base image that has the platform',
      },
    )
  }
  const limit =
    sourceDateEpoch === undefined ? undefined : new Date(sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z')
  const clamp = (time: string) => (limit !== undefined && Date.parse(time) > Date.parse(limit) ? limit : time)
  const { created, author, config: run, rootfs, history } = config
  const dated = (entry: HistoryEntry) => ({
    ...entry,
    ...(entry.created === undefined ? {} : { created: clamp(entry.created) }),
  })
  return {
    ...(created === undefined ? {} : { created: clamp(created) }),
    ...(author ? { author } : {}),
    ...toDescriptorPlatform(platform),
    ...compact({ config: run }),
    rootfs,
    ...compact({ history: history?.map(dated) }),
  }
}
