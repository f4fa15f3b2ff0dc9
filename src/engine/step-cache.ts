import { compact } from '../compact.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import type { UsedPack } from '../content/built-image.ts'
import type { ImageLayer } from '../content/resolved-image.ts'
import { packKey, type Layers } from './layers.ts'
import { siblingDigests } from './image-vertices.ts'
import type { Layer } from '../content/layer-chain.ts'
import type { Vertex } from './vertex.ts'

/** What the store remembers of a step. */
export interface StepRecord {
  readonly layer: Layer
  /** RFC 3339. */
  readonly created: string
  /** Key of what the step was made on: kept in the store as long as this is. */
  readonly below?: string
  /** As progress shows it. */
  readonly name?: string
  /** Native toolchains that its programs were run from. */
  readonly packs?: readonly UsedPack[]
  /**
   * Digests of siblings that programs of it, or of what it was made on, were run from. Only steps made from an index
   * with the same siblings may use it: another image with equal files may have a sibling that deceives.
   */
  readonly siblings?: readonly string[]
  /** It, or what it was made on, was run by programs that stand in for those of its image: for builds that speculate. */
  readonly speculated?: true
  /** Milliseconds that it ran. */
  readonly took?: number
}

/** A step that another machine ran. */
export interface ImportedStep {
  /** RFC 3339. */
  readonly created: string
  /** Milliseconds that it ran, if that is known. */
  readonly took?: number
  /** Absent: the step changed nothing. */
  readonly layer?: ImageLayer
  /** The layer was packed for other time stamps than this build wants. */
  readonly repack?: boolean
}

/** Caches of other machines. */
export interface StepImports {
  /** What they know of the step with that key; never throws. */
  find(key: string, signal: AbortSignal): Promise<ImportedStep | undefined>
}

/** Results of steps by key: those of this machine first, then those of others. */
export interface StepCache {
  find(key: string, about: StepFacts, signal: AbortSignal): Promise<StepRecord | undefined>
  put(key: string, about: StepFacts, made: MadeStep): Promise<void>
}

type MadeStep = Pick<StepRecord, 'layer' | 'created' | 'packs' | 'siblings' | 'speculated' | 'took'>

/** What a record says beside the result. */
export interface StepFacts {
  readonly below: string
  readonly vertex: Exclude<Vertex, { kind: 'scratch' }>
}

/** Names are for people: long ones are heredocs. */
const MAX_NAME = 200

/** Whether a step is made from every image whose sibling has a part in a record. */
function hasSiblings({ siblings = [] }: StepRecord, { vertex }: StepFacts): boolean {
  if (siblings.length === 0) return true
  const own = siblingDigests(vertex)
  return siblings.every((digest) => own.has(digest))
}

export function createStepCache({
  store,
  layers,
  imports,
  speculates = false,
}: {
  store: Store
  /** Whether steps that were speculated may be used. */
  speculates?: boolean
  layers: Layers
  imports?: StepImports | undefined
}): StepCache {
  function put(
    key: string,
    { below, vertex }: StepFacts,
    { layer, created, packs, siblings, speculated, took }: MadeStep,
  ): Promise<void> {
    const { id, empty, contentKey } = layer
    const name = vertex.shown.name.slice(0, MAX_NAME)
    return store.records.put('steps', key, {
      layer: { id, empty, ...(contentKey ? { contentKey } : {}) },
      created,
      below,
      name,
      ...(packs ? { packs } : {}),
      ...(siblings ? { siblings } : {}),
      ...compact({ speculated, took }),
    } satisfies StepRecord)
  }

  return {
    put,
    async find(key, about, signal) {
      const record = await store.records.get<StepRecord>('steps', key)
      if (
        typeof record?.layer?.id === 'string' &&
        typeof record.created === 'string' &&
        hasSiblings(record, about) &&
        (speculates || record.speculated !== true) &&
        (await layers.isThere(record.layer))
      )
        return record
      const imported = await imports?.find(key, signal)
      if (!imported) return undefined
      const { layer: image, created, repack, took } = imported
      const layer: Layer = {
        id: keyOf(['imported', key]).slice(0, 24),
        empty: image === undefined,
        ...(image ? { image } : {}),
        ...(repack ? { repack } : {}),
      }
      if (image) {
        // The next build finds it without the other cache, once the blob has come
        await store.records.put('packs', packKey(layer, ''), {
          empty: false,
          descriptor: image.descriptor,
          diffId: image.diffId,
          of: layer.id,
        })
      }
      const made = { layer, created, ...compact({ took }) }
      await put(key, about, made)
      return made
    },
  }
}
