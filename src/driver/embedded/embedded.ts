import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { MEDIA_TYPE, toDescriptorPlatform, type Descriptor } from '../../oci/descriptor.ts'
import { makeImageConfig } from '../../oci/make-image-config.ts'
import { makeManifest } from '../../oci/make-manifest.ts'
import type { Platform } from '../../platform.ts'
import type { Job } from '../../plan/types.ts'
import type { Store } from '../../store/store.ts'
import type { BlobSource, BuiltImage, BuiltStage, Driver } from '../driver.ts'
import { originsOf } from './images.ts'
import type { Layers } from './layers.ts'
import type { Lowered } from './lower.ts'
import type { Solver } from './solve.ts'
import type { Solved } from './solved.ts'
import type { Workers } from './workers.ts'
import { markedName } from '../../store/leftovers.ts'

export interface EmbeddedOptions {
  readonly store: Store
  readonly workers: Workers
  readonly layers: Layers
  readonly solver: Solver
  /** What a job's image or stage is made of. Throws when its platform cannot be built. */
  readonly lowered: (job: Job, stages: readonly BuiltStage[]) => Promise<Lowered>
  /** What the request of a job says about its image. */
  readonly about: (job: Job) => ImageFacts
  readonly sourceDateEpoch?: number
}

/** What a request says about its image, beside the steps. */
export interface ImageFacts {
  readonly labels: Readonly<Record<string, string>>
  /** Extra fields of an image config, made from the steps of the image and its layers. */
  readonly configExtra?: (
    steps: readonly ImageStep[],
    layers: readonly Descriptor[],
  ) => Readonly<Record<string, unknown>>
}

/** A step whose result is part of an image. */
export interface ImageStep {
  readonly key: string
  /** RFC 3339. */
  readonly created: string
  readonly layer?: { readonly descriptor: Descriptor; readonly diffId: string }
}

/** The engine of this machine as a driver: no daemon, steps shared by all jobs that are built through it. */
export function createEmbeddedDriver(options: EmbeddedOptions): Driver {
  const { store, solver, layers } = options
  return {
    async build(job, { signal, stages = [] }) {
      const lowered = await options.lowered(job, stages)
      const solved = await solver.solve(lowered.vertex, signal)
      return assembleImage(job.kind === 'image' ? job.target : job.platform, lowered, solved, {
        ...options,
        ...options.about(job),
        signal,
        solver,
        layers,
        store,
      })
    },
    close: () => options.workers.close(),
  }
}

/** Packs the layers of a solved stage and writes config and manifest into the store. */
async function assembleImage(
  platform: Platform,
  lowered: Lowered,
  solved: Solved,
  options: EmbeddedOptions & ImageFacts & { signal: AbortSignal },
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
  const steps = await Promise.all(
    lowered.history
      .flatMap(({ vertex }) => (vertex ? [vertex] : []))
      .map(async (vertex): Promise<ImageStep> => {
        const { key, created, layers: chain } = await solver.solve(vertex, signal)
        return { key, created: created!, ...(chain.at(-1)!.empty ? {} : { layer: packed[chain.length - 1]! }) }
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
    ...(options.configExtra ? { extra: options.configExtra(steps, packedLayers) } : {}),
    ...(options.sourceDateEpoch === undefined ? {} : { sourceDateEpoch: options.sourceDateEpoch }),
  })
  const manifest = makeManifest({ config: config.descriptor, layers: packedLayers })
  await store.blobs.put(config.bytes, MEDIA_TYPE.config)
  await store.blobs.put(manifest.bytes, MEDIA_TYPE.manifest)
  return {
    descriptor: { ...manifest.descriptor, platform: toDescriptorPlatform(platform) },
    config: config.config,
    blobs: blobsOf(solved, { store, signal }),
    exportTree: (exportOptions) => exportTree(solved, { ...options, signal: exportOptions.signal }),
  }
}

/** Blobs of the store; those of base images are fetched when somebody asks for their bytes. */
export function blobsOf(
  solved: Pick<Solved, 'layers'>,
  { store, signal }: { store: Store; signal: AbortSignal },
): BlobSource {
  const bases = new Map(
    solved.layers.flatMap(({ image }) => (image ? [[image.descriptor.digest as string, image] as const] : [])),
  )
  async function ensure(descriptor: Descriptor): Promise<string> {
    await bases.get(descriptor.digest)?.fetch(signal)
    if (!(await store.blobs.has(descriptor.digest, descriptor.size))) {
      throw new XbuildError('STORE', `Cannot read ${descriptor.digest}: it is missing in the store, or damaged`, {
        hint: 'Build again: what is missing is made anew',
      })
    }
    return store.blobs.path(descriptor.digest)
  }
  return {
    path: ensure,
    read: async (descriptor) => createReadStream(await ensure(descriptor), { highWaterMark: 1 << 18 }),
    async origins(descriptor) {
      const own = bases.get(descriptor.digest)?.origin
      return [...new Set([...(own ? [own] : []), ...(await originsOf(store, descriptor.digest))])]
    },
  }
}

/** The merged file system of a chain of layers, as a tar stream. */
export async function exportTree(
  solved: Pick<Solved, 'key' | 'layers'>,
  {
    store,
    workers,
    layers,
    signal,
    sourceDateEpoch,
  }: Pick<EmbeddedOptions, 'store' | 'workers' | 'layers' | 'sourceDateEpoch'> & { signal: AbortSignal },
): Promise<NodeJS.ReadableStream> {
  const lowers = await layers.unpacked(solved.layers, signal)
  const worker = await workers.native()
  const file = join(store.folder.tmp, markedName('tree'))
  await worker.call(
    'exportTree',
    { lowers, file, ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }) },
    { signal },
  )
  const stream = createReadStream(file, { highWaterMark: 1 << 18 })
  // An open file can be read to its end after its name is gone; nothing is left behind whatever happens next.
  stream.once('open', () => void rm(file, { force: true }))
  return stream
}
