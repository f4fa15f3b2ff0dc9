import { compact } from '../compact.ts'
import type { BuildkitFacts } from '../driver/buildkit/facts.ts'
import { samePlatform, type Platform } from '../platform.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import { BELIEF, type EngineFacts } from './engine-facts.ts'

/**
 * What an engine's BuildKit said of itself within the hour, while the engine is the same in the same version: code
 * and questions that a build need not wait for.
 */
export interface Recall {
  facts(engine: EngineFacts): Promise<BuildkitFacts | undefined>
  keep(engine: EngineFacts, facts: BuildkitFacts): Promise<void>
}

interface FactsRecord extends Omit<BuildkitFacts, 'abilities'> {
  readonly abilities: readonly string[]
  readonly engine: EngineFacts
  /** Milliseconds since the epoch. */
  readonly at: number
}

const KIND = 'buildkit-facts'

/** Which foreign platforms an engine knows may change at any moment: where one is wanted, nothing is recalled. */
export function createRecall({
  endpoint,
  wanted,
  store,
}: {
  readonly endpoint: string
  readonly wanted: readonly Platform[]
  readonly store: Store
}): Recall {
  const key = keyOf(['buildkit', endpoint])
  return {
    async facts(engine) {
      if (!wanted.every((platform) => samePlatform(platform, engine.platform))) return undefined
      const record = await store.records.get<FactsRecord>(KIND, key)
      if (!record || Date.now() - record.at > BELIEF || keyOf(record.engine) !== keyOf(engine)) return undefined
      return {
        ...compact({ version: record.version }),
        platforms: record.platforms,
        givesOci: record.givesOci,
        abilities: new Set(record.abilities),
      }
    },
    async keep(engine, facts) {
      await store.records
        .put(KIND, key, { ...facts, abilities: [...facts.abilities], engine, at: Date.now() } satisfies FactsRecord)
        .catch(() => undefined)
    },
  }
}
