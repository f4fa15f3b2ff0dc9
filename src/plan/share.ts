import type { GraphStage, StageGraph } from '../dockerfile/types.ts'
import { samePlatform, type Platform } from '../platform.ts'
import type { Offer } from './place.ts'
import { runsPrograms } from './stages.ts'

/** An image that has its node, as far as sharing looks at it. */
export interface Sharer {
  readonly target: Platform
  readonly variant: string | undefined
  readonly offer: Offer
}

/** A stage that one node builds for others. */
export interface Handover {
  readonly stage: number
  readonly name: string
  /** The image on whose node it is built. */
  readonly from: Sharer
}

/**
 * The stages that an image takes from another node, by image. The rule: the stage has a name and a RUN, it runs on the
 * build platform, no target platform tells it apart, and images on at least two nodes need it. A stage made for another
 * build platform is taken only for its files: programs of it could not run. Nodes that cannot take stages build their
 * own.
 */
export function handovers(
  sharers: readonly Sharer[],
  graphs: readonly StageGraph[],
): ReadonlyMap<Sharer, readonly Handover[]> {
  const result = new Map<Sharer, Handover[]>()
  for (const taker of sharers) {
    if (!taker.offer.candidate.node.takesStages) continue
    for (const stage of taker.offer.graph.stages) {
      const from = giverOf(stage, taker)
      if (from) result.set(taker, [...(result.get(taker) ?? []), { stage: stage.index, name: stage.name!, from }])
    }
  }
  return result

  function giverOf(stage: GraphStage, taker: Sharer): Sharer | undefined {
    const { graph } = taker.offer
    if (
      stage.name === undefined ||
      !runsPrograms(stage) ||
      stage.index === graph.targetStage ||
      !samePlatform(stage.platform, graph.buildPlatform)
    )
      return undefined
    // The first that needs it gives it, unless a node that cannot take it comes later: that one has to build it anyway
    const needing = sharers.filter(
      (one) => one.variant === taker.variant && one.offer.graph.stages.some(({ index }) => index === stage.index),
    )
    const giver = needing.find(({ offer }) => !offer.candidate.node.takesStages) ?? needing[0]!
    if (giver.offer.candidate.node.name === taker.offer.candidate.node.name) return undefined
    const { buildPlatform } = giver.offer.graph
    const [given, taken] = [giver.target, taker.target].map((target) =>
      graphs.find((one) => samePlatform(one.target, target) && samePlatform(one.buildPlatform, buildPlatform)),
    )
    const work = (one: StageGraph | undefined) => one?.stages.find(({ index }) => index === stage.index)?.fingerprint
    // The same work for both targets, as the giver's node sees it
    if (!taken || work(given) === undefined || work(given) !== work(taken)) return undefined
    return samePlatform(buildPlatform, graph.buildPlatform) || isOnlyCopied(stage.index, taken) ? giver : undefined
  }
}

/** Only stages of the target platform read from it, and none is built on it: its files are wanted, not its programs. */
function isOnlyCopied(index: number, { stages, buildPlatform }: StageGraph): boolean {
  const readers = stages.filter(({ needs }) => needs.includes(index))
  return readers.every(
    ({ base, platform }) => !(base.kind === 'stage' && base.index === index) && !samePlatform(platform, buildPlatform),
  )
}

/** The stages of a graph that are still needed when some are taken from elsewhere, in their order. */
export function withoutTaken({ stages, targetStage }: StageGraph, taken: ReadonlySet<number>): readonly GraphStage[] {
  const needed = new Set<number>()
  const pending = [targetStage]
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (needed.has(index) || taken.has(index)) continue
    needed.add(index)
    pending.push(...(stages.find((stage) => stage.index === index)?.needs ?? []))
  }
  return stages.filter(({ index }) => needed.has(index))
}
