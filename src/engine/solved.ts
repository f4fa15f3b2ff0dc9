import type { UsedPack } from '../content/built-image.ts'
import type { Layer } from '../content/layer-chain.ts'
import type { StepVertex } from './vertex.ts'

/** A vertex's result: a file system as a chain of layers, bottom first. */
export interface Solved {
  /** Cache key: equal for equal file systems, as far as is known without looking. */
  readonly key: string
  readonly layers: readonly Layer[]
  /** When the last layer was made, RFC 3339; absent for a base image. */
  readonly created?: string
  /** Milliseconds that the last step ran, now or when the cache learnt it. */
  readonly took?: number
  /** It was made anew though the cache may know it: so must be what is made from it. */
  readonly fresh?: boolean
  /** Native toolchains that the programs of the step were run from, now or when the cache learnt it. */
  readonly packs?: readonly UsedPack[]
  /** Digests of siblings that programs of this step, or of any below it, were run from. */
  readonly siblings?: readonly string[]
  /** So it is, and only `--accel=speculate` may use it. */
  readonly speculated?: true
  /** Of a tree from elsewhere: the id of its commit, or the digest of its archive. */
  readonly revision?: string
  /** Of a repository: when its commit was made, in seconds since the epoch. */
  readonly time?: number
}

/**
 * Whether a result is good only for images with certain siblings: it never goes into a cache for others, which are asked
 * by key alone, and equal files have one key.
 */
export function isBound({ siblings = [] }: Pick<Solved, 'siblings'>): boolean {
  return siblings.length > 0
}

/** A step that is done. */
export interface SolvedStep {
  readonly vertex: StepVertex
  readonly solved: Solved
}
