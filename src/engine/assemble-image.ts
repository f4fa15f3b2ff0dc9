import { compact } from '../compact.ts'
import { MEDIA_TYPE, toDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import { makeImageConfig } from '../oci/make-image-config.ts'
import { makeManifest } from '../oci/make-manifest.ts'
import type { Platform } from '../platform.ts'
import type { BuiltImage } from '../content/built-image.ts'
import { blobsOf } from '../content/image-blobs.ts'
import { exportTree, type ExportEdges } from './export-tree.ts'
import type { Lowered } from './lowered.ts'
import type { Solver } from './solve.ts'
import { isBound, type Solved } from './solved.ts'

/** What a request says about its image, beside the steps. */
export interface ImageFacts {
  readonly labels: Readonly<Record<string, string>>
  /** Extra fields of an image config, made from the steps of the image and its layers. */
  readonly configExtra?: (
    steps: readonly ImageStep[],
    layers: readonly Descriptor[],
  ) => Readonly<Record<string, unknown>>
}

/** A step whose result is part of an image, and may be used for any other. */
export interface ImageStep {
  readonly key: string
  /** RFC 3339. */
  readonly created: string
  readonly layer?: { readonly descriptor: Descriptor; readonly diffId: string }
}

/** Packs the layers of a solved stage and writes config and manifest into the store. */
export async function assembleImage(
  platform: Platform,
  lowered: Lowered,
  solved: Solved,
  options: ExportEdges & ImageFacts & { readonly solver: Solver },
): Promise<BuiltImage> {
  const { store, solver, layers, signal } = options
  const baseCount = lowered.base?.rootfs.diff_ids.length ?? 0
  const packed = await Promise.all(
    solved.layers.map((_, index) => layers.packed(solved.layers.slice(0, index + 1), signal)),
  )
  const history = await Promise.all(
    lowered.history.map(async ({ entry, vertex }) => {
      if (!vertex) return { entry, created: undefined }
      const { created } = await solver.solve(vertex, signal)
      return { entry, created }
    }),
  )
  let last = lowered.base?.created
  // A step that only changes the config happens when the one before it does: the same build gives the same bytes.
  const dated = history.map(({ entry, created }) => {
    last = created ?? last
    return last === undefined ? entry : { ...entry, created: last }
  })
  const made = await Promise.all(
    lowered.history.flatMap(({ vertex }) => (vertex ? [solver.solve(vertex, signal)] : [])),
  )
  const steps = made
    .filter((step) => !isBound(step))
    .map(
      ({ key, created, layers: chain }): ImageStep => ({
        ...{ key, created: created! },
        ...(chain.at(-1)!.empty ? {} : { layer: packed[chain.length - 1]! }),
      }),
    )
  const packedLayers = packed.map((layer) => layer.descriptor)
  const config = makeImageConfig({
    base: lowered.base,
    platform,
    config: lowered.config,
    ...(lowered.author ? { author: lowered.author } : {}),
    history: dated,
    diffIds: packed.slice(baseCount).map((layer) => layer.diffId),
    created: last ?? new Date((options.sourceDateEpoch ?? 0) * 1000).toISOString(),
    labels: options.labels,
    ...compact({
      extra: options.configExtra?.(steps, packedLayers),
      sourceDateEpoch: options.sourceDateEpoch,
    }),
  })
  const manifest = makeManifest({ config: config.descriptor, layers: packedLayers })
  await store.blobs.put(config.bytes, MEDIA_TYPE.config)
  await store.blobs.put(manifest.bytes, MEDIA_TYPE.manifest)
  return {
    descriptor: { ...manifest.descriptor, platform: toDescriptorPlatform(platform) },
    config: config.config,
    baseLayers: baseCount,
    chain: solved.layers,
    blobs: blobsOf(solved, { store, signal }),
    exportTree: (exportOptions) => exportTree(solved, { ...options, signal: exportOptions.signal }),
  }
}
