import type { StageGraph } from '../dockerfile/types.ts'
import { samePlatform, type Platform } from '../platform.ts'
import { classicLimit } from './classic-limits.ts'
import { decide, type Candidate } from './decide.ts'
import { needOf, positionOf } from './stages.ts'
import type { Refusal } from './no-node.ts'
import type { Alternative, Node, Rejected, Strategy } from './types.ts'

/** A node that can build the whole image of a target platform. */
export interface Offer {
  readonly candidate: Candidate
  /** The graph as that node sees it: `$BUILDPLATFORM` is the node's own platform. */
  readonly graph: StageGraph
  /** The worst that any of its stages takes there. */
  readonly rank: 0 | 1 | 2
}

/** Where a target is built, where it could be built else (best first), and what was not taken. */
export type Placed =
  | { readonly offer: Offer; readonly others: readonly Offer[]; readonly rejected: readonly Rejected[] }
  | { readonly offer?: undefined; readonly refusal: Refusal }

/** What the choice among equal nodes looks at. */
export interface PlaceFacts {
  /** Jobs by node name; the chosen node's is counted up. */
  readonly load: Map<string, number>
  /** The node that built this before, and has its cache. */
  readonly last?: string | undefined
}

export const KINDS = ['native', 'cross', 'emulate'] as const

/**
 * Chooses the node for one image: the best strategy first; among equals a node with a free slot, the one with the
 * cache, the one with the fewest jobs per slot, the first. A node takes an image with all of its stages, or not at all.
 */
export function place(graphs: readonly StageGraph[], nodes: readonly Candidate[], { load, last }: PlaceFacts): Placed {
  const answers = nodes.map((candidate) => offerOf(graphFor(graphs, candidate.node), candidate))
  const offers = answers.flatMap((one) => ('graph' in one ? [one] : []))
  const refused = answers.flatMap((one) => ('graph' in one ? [] : [one]))
  const perSlot = ({ candidate: { node } }: Offer) => (load.get(node.name) ?? 0) / Math.max(1, node.slots)
  const [best, ...others] = offers.toSorted(
    (a, b) =>
      a.rank - b.rank ||
      Math.floor(perSlot(a)) - Math.floor(perSlot(b)) ||
      hasCache(b) - hasCache(a) ||
      perSlot(a) - perSlot(b),
  )
  if (!best) {
    const [first] = refused
    return {
      refusal: {
        platform: first?.platform ?? graphs[0]!.target,
        at: first?.at ?? positionOf(graphs[0]!.stages.at(-1)!),
        rejected: refused.flatMap(({ rejected }) => rejected),
      },
    }
  }
  const { name } = best.candidate.node
  load.set(name, (load.get(name) ?? 0) + 1)
  const notTaken = others.map((other): Rejected => {
    const because =
      other.rank > best.rank
        ? `${name} does better: ${KINDS[best.rank]}`
        : hasCache(best)
          ? `${name} built it last time`
          : `${name} has no more jobs per slot`
    return { kind: KINDS[other.rank], node: other.candidate.node.name, because }
  })
  return { offer: best, others, rejected: [...refused.flatMap(({ rejected }) => rejected), ...notTaken] }

  function hasCache({ candidate }: Offer): number {
    return candidate.node.name === last ? 1 : 0
  }
}

/** The graph of a node: made for its own platform as the build platform, where there is one. */
function graphFor(graphs: readonly StageGraph[], { native }: Node): StageGraph {
  return (
    graphs.find(({ buildPlatform }) => native[0] !== undefined && samePlatform(buildPlatform, native[0])) ?? graphs[0]!
  )
}

function offerOf(
  graph: StageGraph,
  candidate: Candidate,
): Offer | { readonly platform: Platform; readonly at: Refusal['at']; readonly rejected: readonly Rejected[] } {
  const { classic, name } = candidate.node
  const limit = classic && classicLimit(graph, classic)
  if (limit)
    return {
      platform: graph.target,
      at: limit.at,
      rejected: [
        { kind: 'native', node: name, because: `its builder, without BuildKit, does not support ${limit.what}` },
      ],
    }
  let rank: Offer['rank'] = 0
  for (const stage of graph.stages) {
    const decided = decide(needOf(stage, { targets: [graph.target], buildPlatform: graph.buildPlatform }), candidate)
    if (!decided.decision) return { platform: stage.platform, at: positionOf(stage), rejected: decided.rejected }
    rank = Math.max(rank, decided.rank) as Offer['rank']
  }
  return { candidate, graph, rank }
}

/** What a job does when its node fails. */
export function alternativeOf({ candidate: { node, emulated }, rank }: Offer, graph: StageGraph): Alternative {
  const strategy: Strategy =
    rank === 2
      ? {
          kind: 'emulate',
          node: node.name,
          emulator:
            [...emulated.values()].flatMap((entry) =>
              entry.status === 'ready' && graph.stages.some(({ platform }) => samePlatform(platform, entry.platform))
                ? [entry.emulator]
                : [],
            )[0] ?? 'an emulator',
        }
      : { kind: KINDS[rank], node: node.name }
  return { strategy, emulates: rank === 2 }
}
