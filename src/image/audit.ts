import { distinctBy } from '../distinct.ts'
import { describeFindings } from '../audit/describe.ts'
import { isFatal, type Finding } from '../audit/findings.ts'
import { mergeLayers } from '../audit/image-tree.ts'
import { judge } from '../audit/judge.ts'
import type { LayerFiles } from '../audit/layer-files.ts'
import { canAudit } from '../audit/runs-on.ts'
import { compact } from '../compact.ts'
import { fetchedLayerFiles } from '../content/fetched-layer-files.ts'
import { forEachLimited } from '../host/pool.ts'
import { XbuildError } from '../errors.ts'
import { fromDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import type { ImageConfig } from '../oci/manifest.ts'
import { isConfigType, isLayerType } from '../oci/media-type.ts'
import { parseImageConfig } from '../oci/read-image-config.ts'
import { formatPlatform, normalizePlatform, samePlatform, type Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import { parseAny } from '../oci/any-manifest.ts'
import { readRoot } from './entries.ts'
import { readDocument, type ImageSource } from './source.ts'

/** What is audited, and what is known already. */
export interface AuditOptions {
  /** Remembers what was seen of layers, and may have some. */
  readonly store: Store
  /** Only these; empty: all. */
  readonly platforms: readonly Platform[]
  /** Whether a path, without its first slash, is left alone. */
  readonly isExcepted: (path: string) => boolean
  readonly signal: AbortSignal
}

/** What an audit of one platform's image came to. */
export interface AuditedPlatform {
  readonly platform: string
  readonly digest: string
  /** Programs and libraries that were compared. */
  readonly programs: number
  /** Something will certainly fail: what is started, or loaded by it, is of another platform. */
  readonly fails: boolean
  readonly findings: readonly (Finding & { readonly createdBy?: string })[]
  readonly message?: string
  readonly hint?: string
  /** A layer has more files than are compared. */
  readonly isCut: boolean
  /** Why it was not audited. */
  readonly skipped?: string
}

interface ReadImage {
  readonly platform: Platform
  readonly digest: string
  readonly config: ImageConfig
  readonly layers: readonly Descriptor[]
}

/** Layers that are fetched and read at a time, each into a file that is removed at once. */
const LAYERS = 2
const NOTHING: LayerFiles = { programs: [], symlinks: [], hardlinks: [], removed: [], opaque: [], others: [] }

/** Compares the programs of published images with their platforms; each layer is read once, and not again later. */
export async function auditPublished(
  source: ImageSource,
  { store, platforms, isExcepted, signal }: AuditOptions,
): Promise<readonly AuditedPlatform[]> {
  const images = await readImages(source, platforms, signal)
  const wanted = images.filter(({ platform }) => canAudit(platform)).flatMap(({ layers }) => layers)
  const files = new Map<string, LayerFiles>()
  await forEachLimited(
    distinctBy(wanted, ({ digest }) => digest),
    { limit: LAYERS, signal },
    async (layer, inner) => {
      const open = (offset: number) => source.blob(layer, offset, inner)
      files.set(layer.digest, await fetchedLayerFiles(layer, { store, signal: inner, open }))
    },
  )
  return images.map((image) => judgeOne(image, { images, files, isExcepted }))
}

async function readImages(
  source: ImageSource,
  platforms: readonly Platform[],
  signal: AbortSignal,
): Promise<readonly ReadImage[]> {
  const { root, isIndex, entries } = await readRoot(source, signal)
  const isWanted = (platform: Platform) =>
    platforms.length === 0 || platforms.some((wanted) => samePlatform(wanted, platform))
  const images: ReadImage[] = []
  for (const { descriptor, platform: listed, about } of entries) {
    if (about !== undefined || (isIndex && (!listed || !isWanted(listed)))) continue
    const document = isIndex ? await readDocument(source, descriptor, signal) : root
    const { config, layers } = parseAny(document.bytes, document.descriptor)
    if (!config || !isConfigType(config.mediaType)) continue
    const read = parseImageConfig((await readDocument(source, config, signal)).bytes, config)
    const platform = listed ?? normalizePlatform(fromDescriptorPlatform(read))
    if (!isWanted(platform)) continue
    images.push({
      platform,
      digest: document.descriptor.digest,
      config: read,
      layers: layers.filter(({ mediaType }) => isLayerType(mediaType)),
    })
  }
  if (images.length > 0) return images
  throw new XbuildError(
    'NO_PLATFORM',
    `Cannot audit "${source.name}": it has no image${platforms.length > 0 ? ` for ${platforms.map(formatPlatform).join(', ')}` : ''}`,
  )
}

function judgeOne(
  { platform, digest, config, layers }: ReadImage,
  {
    images,
    files,
    isExcepted,
  }: {
    readonly images: readonly ReadImage[]
    readonly files: ReadonlyMap<string, LayerFiles>
    readonly isExcepted: (path: string) => boolean
  },
): AuditedPlatform {
  const name = formatPlatform(platform)
  const none = { platform: name, digest, programs: 0, fails: false, findings: [], isCut: false }
  if (!canAudit(platform)) return { ...none, skipped: 'its programs are of no format that is read' }
  const read = layers.map((layer) => files.get(layer.digest) ?? NOTHING)
  const isCut = read.some((one) => one.isCut)
  const tree = mergeLayers(read)
  const judged = judge({ platform, config: config.config ?? {}, tree, isWhole: !isCut })
  const findings = judged.findings.filter(({ path }) => !isExcepted(path.slice(1)))
  const steps = (config.history ?? []).filter(({ empty_layer }) => !empty_layer)
  const createdBy = (layer: number) => steps[layer]?.created_by
  const common = { ...none, programs: judged.programs, isCut }
  if (findings.length === 0) return common
  const { message, hint } = describeFindings(findings, {
    platform: name,
    instruction: () => undefined,
    createdBy,
    sharedWith: (layer) =>
      images
        .filter((other) => !samePlatform(other.platform, platform))
        .filter((other) => other.layers.some((one) => one.digest === layers[layer]?.digest))
        .map((other) => formatPlatform(other.platform)),
  })
  return {
    ...common,
    fails: findings.some(isFatal),
    findings: findings.map((finding) => {
      const step = createdBy(finding.layer)
      return { ...finding, ...compact({ createdBy: step }) }
    }),
    message,
    ...compact({ hint }),
  }
}
