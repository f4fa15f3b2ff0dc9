import type { Emit } from '../events.ts'
import type { ImportedStep, StepImports } from '../engine/step-cache.ts'
import { toXbuildError } from '../errors.ts'
import type { Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import type { CachedStep } from './document.ts'
import type { CachePlace, LoadedCache } from './place.ts'

export interface ImportOptions {
  readonly store: Store
  readonly platforms: readonly Platform[]
  /** SOURCE_DATE_EPOCH of this build as text; empty: none. */
  readonly stamp: string
  /** Layers are fetched before their steps count as known: a build that cannot be done again must not miss one. */
  readonly eager?: boolean
  readonly emit: Emit
}

/** Caches of other machines, as the engine looks steps up in them. */
export interface CacheImports extends StepImports {
  /** Why a layer that a cache promised could not be had, if that happened. */
  failure(): Error | undefined
}

/**
 * Reads caches when the first step is not in the store, and layers when somebody needs their content. A cache that
 * cannot be read is a warning.
 */
export function createImports(places: readonly CachePlace[], options: ImportOptions): CacheImports {
  const { store, emit } = options
  const fetches = new Map<string, Promise<void>>()
  let loading: Promise<ReadonlyMap<string, ImportedStep>> | undefined
  let failure: Error | undefined

  async function loadAll(signal: AbortSignal): Promise<ReadonlyMap<string, ImportedStep>> {
    const found = await Promise.all(places.map((place) => loadOne(place, signal)))
    const steps = new Map<string, ImportedStep>()
    // The first place that was named wins
    for (const cache of found.flat()) {
      for (const step of cache.document.steps) if (!steps.has(step.key)) addStep(steps, step, cache)
    }
    return steps
  }

  function addStep(steps: Map<string, ImportedStep>, { key, layer, ...facts }: CachedStep, cache: LoadedCache): void {
    const { stamp } = cache.document
    // Times that were cut off for another SOURCE_DATE_EPOCH cannot be had back
    if (layer && stamp !== options.stamp && stamp !== '') return
    if (!layer) return void steps.set(key, facts)
    steps.set(key, {
      ...facts,
      ...(stamp === options.stamp ? {} : { repack: true }),
      layer: {
        ...layer,
        ...(cache.repository ? { origin: cache.repository } : {}),
        fetch: (signal) => fetch(layer.descriptor, cache, signal),
      },
    })
  }

  async function loadOne(place: CachePlace, signal: AbortSignal): Promise<readonly LoadedCache[]> {
    const step = `import ${place.name}`
    emit({ type: 'step.start', step, name: `importing cache from ${place.name}`, platforms: [], at: Date.now() })
    try {
      const found = await place.load(options.platforms, signal)
      if (found.length === 0) warn(`There is no cache in ${place.name} yet`)
      return found
    } catch (thrown) {
      signal.throwIfAborted()
      const { message, hint } = toXbuildError(thrown)
      warn(`Cannot import the cache of ${place.name}: ${message}${hint ? `. ${hint}` : ''}`)
      return []
    } finally {
      emit({ type: 'step.done', step, cached: false, at: Date.now() })
    }
  }

  function fetch(
    layer: NonNullable<CachedStep['layer']>['descriptor'],
    cache: LoadedCache,
    signal: AbortSignal,
  ): Promise<void> {
    const known = fetches.get(layer.digest)
    if (known) return known
    const id = `cache ${layer.digest}`
    const report = (current: number, done = false) =>
      emit({
        type: 'transfer',
        id,
        name: `cached layer ${layer.digest.slice(7, 19)}`,
        current,
        total: layer.size,
        ...(done ? { done } : {}),
        at: Date.now(),
      })
    const fetching = (async () => {
      if (await store.blobs.has(layer.digest, layer.size)) return
      await fetchTwice(
        () =>
          store.blobs.fetch(layer, (offset) => cache.open(layer, offset, signal), {
            signal,
            onProgress: (current) => report(current),
          }),
        signal,
      )
      report(layer.size, true)
    })()
    fetches.set(layer.digest, fetching)
    fetching.catch((error: Error) => {
      fetches.delete(layer.digest)
      if (!signal.aborted && !options.eager) failure ??= error
    })
    return fetching
  }

  /** A transfer that broke goes on where it was, once. */
  function fetchTwice(transfer: () => Promise<void>, signal: AbortSignal): Promise<void> {
    return transfer().catch((error: unknown) => {
      if (signal.aborted || !['REGISTRY', 'INTERNAL'].includes(toXbuildError(error).code)) throw error
      return transfer()
    })
  }

  function warn(message: string): void {
    emit({ type: 'warning', message, at: Date.now() })
  }

  return {
    failure: () => failure,
    async find(key, signal) {
      loading ??= loadAll(signal)
      const found = (await loading).get(key)
      if (!options.eager || !found?.layer) return found
      try {
        await found.layer.fetch(signal)
        return found
      } catch (error) {
        signal.throwIfAborted()
        warn(`Cannot use an imported cache: ${toXbuildError(error).message}; the step is run`)
        return undefined
      }
    },
  }
}
