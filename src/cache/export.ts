import { compact } from '../compact.ts'
import type { CacheMode } from '../config/cache.ts'
import type { BlobSource } from '../content/built-image.ts'
import type { Emit } from '../events.ts'
import type { Layers } from '../engine/layers.ts'
import { isBound, type Solved, type SolvedStep } from '../engine/solved.ts'
import { toXbuildError } from '../errors.ts'
import { forEachLimited } from '../host/pool.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import type { StepVertex } from '../engine/vertex.ts'
import { savingsOf, withinBudget } from './budget.ts'
import { makeCacheImage, type CachedStep } from './document.ts'
import type { CachePlace } from './place.ts'

/** Layers that are packed at a time: the worker has as many hands. */
const AT_A_TIME = 4

/** Where steps go, and how many: `maxSize` counts the bytes of the layers of a platform. */
export interface ExportPlace {
  readonly place: CachePlace
  readonly mode: CacheMode
  readonly maxSize?: number | undefined
}

/** What of a build is exported. */
export interface ExportOptions {
  /** Each platform with the file system of its image. */
  readonly images: readonly { readonly platform: Platform; readonly solved: Solved }[]
  readonly steps: readonly SolvedStep[]
  /** Packs layers without regard to SOURCE_DATE_EPOCH, which the next build may set otherwise. */
  readonly layers: Layers
  readonly blobs: BlobSource
  readonly emit: Emit
  readonly signal: AbortSignal
}

/**
 * Writes the steps of a build to every place, each platform for itself. What cannot be written is a warning: the
 * image is out already.
 */
export async function exportCaches(places: readonly ExportPlace[], options: ExportOptions): Promise<void> {
  const { emit, signal } = options
  const saves = savingsOf(options.steps)
  for (const { place, mode, maxSize } of places) {
    for (const { platform, solved } of options.images) {
      const step = `export ${place.name} ${formatPlatform(platform)}`
      emit({
        type: 'step.start',
        step,
        name: `exporting cache to ${place.name}`,
        platforms: [formatPlatform(platform)],
        at: Date.now(),
      })
      try {
        const own = stepsOf(platform, solved, mode, options.steps)
        const packed = await packSteps(own, options)
        const weighed = [...packed].map(([vertex, step]) => ({ step, saves: saves(vertex) }))
        const { kept, left } = withinBudget(weighed, maxSize ?? Infinity)
        const bound = ofPlatform(platform, options.steps).filter(({ solved }) => isBound(solved))
        if (bound.length > 0)
          emit({ type: 'step.log', step, stream: 'stderr', line: notExported(bound), at: Date.now() })
        if (left.length > 0)
          emit({ type: 'step.log', step, stream: 'stderr', line: leftOut(left, own), at: Date.now() })
        await place.save(platform, makeCacheImage({ stamp: '', steps: inOrder(kept) }), options.blobs, signal)
      } catch (thrown) {
        signal.throwIfAborted()
        const { message, hint } = toXbuildError(thrown)
        emit({
          type: 'warning',
          message: `Cannot export the cache to ${place.name}: ${message}${hint ? `. ${hint}` : ''}`,
          at: Date.now(),
        })
      } finally {
        emit({ type: 'step.done', step, cached: false, at: Date.now() })
      }
    }
  }
}

function ofPlatform(platform: Platform, steps: readonly SolvedStep[]): SolvedStep[] {
  return steps.filter(({ vertex }) => vertex.shown.platforms.has(formatPlatform(platform)))
}

/** The steps that served a platform and may go elsewhere; for `min` those whose layers are in its image. */
function stepsOf(platform: Platform, image: Solved, mode: CacheMode, steps: readonly SolvedStep[]): SolvedStep[] {
  const own = ofPlatform(platform, steps).filter(({ solved }) => !isBound(solved))
  if (mode === 'max') return own
  const inImage = new Set(image.layers.map(({ id }) => id))
  return own.filter(({ solved }) => inImage.has(solved.layers.at(-1)!.id))
}

async function packSteps(
  steps: readonly SolvedStep[],
  { layers, signal }: ExportOptions,
): Promise<Map<StepVertex, CachedStep>> {
  const packed = new Map<StepVertex, CachedStep>()
  await forEachLimited(steps, { limit: AT_A_TIME, signal }, async ({ vertex, solved }, inner) => {
    const { key, created, took } = solved
    // An image has an empty layer for a step that changed nothing; a cache needs none
    const layer = solved.layers.at(-1)!.empty ? undefined : await layers.packed(solved.layers, inner)
    packed.set(vertex, { key, created: created!, ...compact({ took, layer }) })
  })
  return packed
}

/** Each step once, in an order that the same steps always have. */
function inOrder(steps: readonly CachedStep[]): CachedStep[] {
  const byKey = new Map(steps.map((step) => [step.key, step]))
  return [...byKey.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

function leftOut(left: readonly CachedStep[], all: readonly SolvedStep[]): string {
  const keys = new Set(left.map(({ key }) => key))
  const names = all.filter(({ solved }) => keys.has(solved.key)).map(({ vertex }) => vertex.shown.name)
  return `Does not fit into max-size=: ${names.join('; ')}`
}

function notExported(steps: readonly SolvedStep[]): string {
  const names = steps.map(({ vertex }) => vertex.shown.name)
  return `Not exported, for programs of another image of the base's index had a part in them: ${names.join('; ')}`
}
