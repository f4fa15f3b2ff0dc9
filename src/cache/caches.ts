import type { CompleteOptions } from '../config/options.ts'
import { blobsOf } from '../content/image-blobs.ts'
import type { ImageFacts } from '../engine/assemble-image.ts'
import { createLayers, type Layers } from '../engine/layers.ts'
import type { Lowered } from '../engine/lowered.ts'
import type { Solver } from '../engine/solve.ts'
import type { Workers } from '../engine/workers.ts'
import type { Platform } from '../platform.ts'
import { exportCaches } from './export.ts'
import { createImports, type CacheImports, type ImportOptions } from './import.ts'
import { inlineCache } from './inline.ts'
import { openPlace, type PlaceOptions } from './places.ts'

/** The caches of a build that go from machine to machine. */
export interface Caches {
  readonly imports: CacheImports
  /** For the configs of images that carry their own cache. */
  readonly configExtra?: ImageFacts['configExtra']
  /** Writes what was asked for, once the image is out; what fails is a warning. */
  save(build: SolvedBuild): Promise<void>
}

/** A build that is done. */
export interface SolvedBuild {
  readonly workers: Workers
  readonly layers: Layers
  readonly solver: Solver
  readonly lowered: readonly { readonly platform: Platform; readonly lowered: Lowered }[]
  readonly signal: AbortSignal
}

/** Makes the caches that the options name; nothing is read or written yet. */
export function openCaches(
  { cacheFrom, cacheTo, sourceDateEpoch }: Pick<CompleteOptions, 'cacheFrom' | 'cacheTo' | 'sourceDateEpoch'>,
  edges: PlaceOptions & Pick<ImportOptions, 'store' | 'platforms' | 'eager'>,
): Caches {
  const { store, emit } = edges
  const sources = cacheFrom.map((source) => openPlace(source, edges))
  const targets = cacheTo.flatMap((target) =>
    target.type === 'inline'
      ? []
      : [
          {
            place: openPlace(target, edges),
            mode: target.mode,
            ...('maxSize' in target ? { maxSize: target.maxSize } : {}),
          },
        ],
  )
  const isInline = cacheTo.some(({ type }) => type === 'inline')
  return {
    imports: createImports(sources, { ...edges, stamp: sourceDateEpoch === undefined ? '' : String(sourceDateEpoch) }),
    ...(isInline ? { configExtra: (steps, layers) => inlineCache(steps, layers, sourceDateEpoch) } : {}),
    async save({ workers, layers, solver, lowered, signal }) {
      if (targets.length === 0) return
      const steps = solver.steps()
      const images = await Promise.all(
        lowered.map(async (entry) => ({
          platform: entry.platform,
          solved: await solver.solve(entry.lowered.vertex, signal),
        })),
      )
      await exportCaches(targets, {
        images,
        steps,
        // Times that were cut off would be wrong for a build with another SOURCE_DATE_EPOCH
        layers: sourceDateEpoch === undefined ? layers : createLayers({ store, workers }),
        blobs: blobsOf({ layers: steps.flatMap(({ solved }) => solved.layers.slice(-1)) }, { store, signal }),
        emit,
        signal,
      })
    },
  }
}
