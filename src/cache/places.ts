import { resolve } from 'node:path'
import type { CacheSource, CacheTarget } from '../config/cache.ts'
import type { Emit } from '../events.ts'
import { assertNever } from '../errors.ts'
import type { RegistryClient } from '../registry/types.ts'
import { ghaPlace, type GhaEdges } from './gha.ts'
import { localPlace } from './local.ts'
import type { CachePlace } from './place.ts'
import { registryPlace } from './registry.ts'

export interface PlaceOptions {
  readonly registry: RegistryClient
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Cache services of the session. */
  readonly services?: GhaEdges['services']
  readonly emit: Emit
}

/** The place that an option names. An inline cache has none: it is in the image. */
export function openPlace(
  entry: CacheSource | Exclude<CacheTarget, { type: 'inline' }>,
  options: PlaceOptions,
): CachePlace {
  switch (entry.type) {
    case 'registry':
      return registryPlace(entry.ref, options)
    case 'local':
      return localPlace(resolve(options.cwd, 'src' in entry ? entry.src : entry.dest))
    case 'gha':
      return ghaPlace(entry, options)
    default:
      return assertNever(entry)
  }
}
