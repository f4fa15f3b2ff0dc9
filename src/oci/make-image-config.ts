import { compact } from '../compact.ts'
import type { Platform } from '../platform.ts'
import { MEDIA_TYPE, toDescriptorPlatform } from './descriptor.ts'
import { makeDocument, type Document } from './make-manifest.ts'
import type { ContainerConfig, HistoryEntry, ImageConfig } from './manifest.ts'

/** What `FROM scratch` starts from; BuildKit does the same. Windows has no usual PATH. */
export function scratchConfig({ os }: Pick<Platform, 'os'>): ContainerConfig {
  if (os === 'windows') return { WorkingDir: '\\' }
  return { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], WorkingDir: '/' }
}

/** What an image config is made of. */
export interface ImageConfigParts {
  /** Config of the base image; undefined for `FROM scratch`. */
  readonly base: ImageConfig | undefined
  readonly platform: Platform
  /** The evaluated config of the stage, the base's values included. */
  readonly config: ContainerConfig
  readonly author?: string
  /** The steps on top of the base, oldest first; those without a time get `created`. */
  readonly history: readonly HistoryEntry[]
  /** Digests of the unpacked layers on top of the base, lowest first. */
  readonly diffIds: readonly string[]
  /** RFC 3339. */
  readonly created: string
  /** `--label`, which wins over LABEL. */
  readonly labels?: Readonly<Record<string, string>>
  /** Seconds since the epoch: no time in the config, the base's history included, is later. */
  readonly sourceDateEpoch?: number
  /** Fields that no spec knows, beside the others. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** The config of an image, as BuildKit writes it, with its bytes and descriptor. */
export function makeImageConfig(parts: ImageConfigParts): Document & { readonly config: ImageConfig } {
  const { base, platform } = parts
  const pinned = parts.sourceDateEpoch !== undefined
  const clamp = clampTo(parts.sourceDateEpoch)
  const diffIds = [...(base?.rootfs.diff_ids ?? []), ...parts.diffIds]
  const baseHistory = agree(base?.history ?? [], base?.rootfs.diff_ids.length ?? 0)
  const own = parts.history.map((entry) => ({ created: parts.created, ...entry }))
  const history = agree([...baseHistory, ...own], diffIds.length)
  const author = parts.author ?? base?.author
  const osVersion = platform.osVersion ?? base?.['os.version']
  const osFeatures = platform.osFeatures ?? base?.['os.features']
  const config: ImageConfig = {
    created: clamp(parts.created),
    ...(author ? { author } : {}),
    ...toDescriptorPlatform({
      ...platform,
      ...(osVersion ? { osVersion } : {}),
      ...compact({ osFeatures }),
    }),
    config: withLabels(base ? parts.config : onScratch(parts.config, platform), parts.labels ?? {}),
    rootfs: { type: 'layers', diff_ids: diffIds },
    // An image's own past is not ours to date, unless all times are pinned
    history: pinned ? history.map((entry) => ({ ...entry, created: clamp(entry.created ?? parts.created) })) : history,
  }
  return { ...makeDocument(MEDIA_TYPE.config, { ...parts.extra, ...config }), config }
}

function onScratch(config: ContainerConfig, platform: Platform): ContainerConfig {
  const usual = scratchConfig(platform)
  const env = config.Env ?? []
  return {
    ...config,
    ...compact({ Env: usual.Env && (env.some((pair) => pair.startsWith('PATH=')) ? env : [...usual.Env, ...env]) }),
    WorkingDir: config.WorkingDir || usual.WorkingDir!,
  }
}

function withLabels(config: ContainerConfig, labels: Readonly<Record<string, string>>): ContainerConfig {
  if (Object.keys(labels).length === 0) return config
  return { ...config, Labels: { ...config.Labels, ...labels } }
}

function clampTo(epoch: number | undefined): (time: string) => string {
  if (epoch === undefined) return (time) => time
  const limit = new Date(epoch * 1000)
  const text = limit.toISOString().replace('.000Z', 'Z')
  return (time) => (Date.parse(time) <= limit.getTime() ? time : text)
}

/** Tools count layers by history; images that other builders made may have too few or too many entries. */
function agree(history: readonly HistoryEntry[], layers: number): HistoryEntry[] {
  const known = history.filter((entry) => !entry.empty_layer).length
  const missing = Array.from(
    { length: Math.max(0, layers - known) },
    (): HistoryEntry => ({ comment: 'layer without history' }),
  )
  let surplus = Math.max(0, known - layers)
  const kept = history.map((entry) => (entry.empty_layer || surplus-- <= 0 ? entry : { ...entry, empty_layer: true }))
  return [...kept, ...missing]
}
