import { compact } from '../compact.ts'
import type { GraphStage, StageGraph } from '../dockerfile/types.ts'
import { distinctPlatforms, type Platform, platformKey, samePlatform } from '../platform.ts'
import { candidates, decide, type Candidate } from './decide.ts'
import { noNode, type Refusal } from './no-node.ts'
import { alternativeOf, place, type Offer } from './place.ts'
import { handovers, withoutTaken, type Handover, type Sharer } from './share.ts'
import { needOf, stageName } from './stages.ts'
import { targetName, type TargetId } from './target-id.ts'
import type { BuildPlan, Decision, Job, LostNode, Node, Rejected, Unplaced } from './types.ts'

/** The facts a plan of one image is made from. */
export interface PlanInput extends ImageInput {
  readonly nodes: readonly Node[]
  /** Nodes that were asked for and do not answer. */
  readonly lost?: readonly LostNode[]
}

/** The facts of one image. */
export interface ImageInput {
  readonly dockerfile: string
  readonly buildPlatform: Platform
  /**
   * In the order of the platforms asked for, each platform once for every build platform that a node may have; a second
   * one for the same pair is ignored.
   */
  readonly graphs: readonly StageGraph[]
  /** What the options say about single platforms. */
  readonly targets?: readonly TargetFacts[]
}

/** What is particular about one target platform. */
export interface TargetFacts {
  readonly platform: Platform
  /** Stages are the same work only for targets of equal variants. */
  readonly variant: string
  readonly overrides: readonly string[]
  /** Milliseconds. */
  readonly timeout?: number
  readonly optional: boolean
  /** Name of the node that built it before. */
  readonly last?: string
  /** Named contexts that are other images of the session. */
  readonly needs?: readonly (TargetId & { readonly context: string })[]
}

/** An image that has its node. */
interface PlacedTarget {
  readonly target: Platform
  readonly facts: TargetFacts | undefined
  readonly offer: Offer
  readonly others: readonly Offer[]
  readonly rejected: readonly Rejected[]
}

/** What planning an image looks at beside its own facts. */
export interface PlanEdges {
  readonly nodes: readonly Node[]
  readonly lost: readonly LostNode[]
  readonly candidates: readonly Candidate[]
  /** Jobs by node name so far. */
  readonly load: Map<string, number>
  /** Its name, where there are several. */
  readonly image?: string
}

/**
 * Decides where and how every stage of every platform is built: a node for each image, then a strategy for each of its
 * stages there. Stages of equal fingerprint on one node are one job. Jobs come in topological order, and equal input
 * gives an equal plan. Throws NO_NODE, naming every platform that nobody can run.
 */
export function planBuild({ nodes, lost = [], ...image }: PlanInput): BuildPlan {
  const { platforms, jobs, unplaced } = planImage(image, {
    nodes,
    lost,
    candidates: candidates(nodes),
    load: new Map(),
  })
  return {
    dockerfile: image.dockerfile,
    buildPlatform: image.buildPlatform,
    platforms,
    jobs,
    ...(lost.length > 0 ? { lost } : {}),
    ...(unplaced.length > 0 ? { unplaced } : {}),
  }
}

/** Decides for the targets of one image; `load` is counted up. Throws NO_NODE. */
export function planImage(
  { graphs, targets = [] }: ImageInput,
  { nodes, lost, candidates: all, load, image }: PlanEdges,
): { readonly platforms: readonly Platform[]; readonly jobs: readonly Job[]; readonly unplaced: readonly Unplaced[] } {
  const platforms = distinctPlatforms(graphs.map(({ target }) => target))
  const placed: PlacedTarget[] = []
  const refusals: Refusal[] = []
  const unplaced: Unplaced[] = []
  for (const target of platforms) {
    const facts = targets.find(({ platform }) => samePlatform(platform, target))
    const found = place(
      graphs.filter((graph) => samePlatform(graph.target, target)),
      all,
      { load, last: facts?.last },
    )
    if (found.offer) placed.push({ target, facts, ...found })
    else if (facts?.optional)
      unplaced.push({ platform: target, because: noNode([found.refusal], nodes, { lost }).message })
    else refusals.push(found.refusal)
  }
  if (refusals.length > 0 || placed.length === 0) throw noNode(refusals, nodes, { unplaced, lost })
  return { platforms, jobs: jobsOf(placed, graphs, image), unplaced }
}

/** A stage on a node, as it appears in one or more graphs. */
interface StageGroup {
  readonly kind: Job['kind']
  readonly stage: GraphStage
  readonly candidate: Candidate
  readonly buildPlatform: Platform
  readonly targets: Platform[]
  /** Keys of the groups it reads from. */
  readonly needs: readonly string[]
  /** Of an image. */
  readonly placed?: PlacedTarget
  shared?: true
}

function jobsOf(placed: readonly PlacedTarget[], graphs: readonly StageGraph[], image: string | undefined): Job[] {
  const groups = groupStages(placed, graphs)
  const ids = new Map<string, string>()
  const taken = new Set<string>()
  for (const [key, group] of groups) {
    const id = targetName({ image, platform: jobId(group) })
    const free = taken.has(id) ? `${id} on ${group.candidate.node.name}` : id
    taken.add(free)
    ids.set(key, free)
  }
  return [...groups].map(([key, group]) => toJob(ids.get(key)!, group, { ids, image }))
}

function groupStages(placed: readonly PlacedTarget[], graphs: readonly StageGraph[]): Map<string, StageGroup> {
  const groups = new Map<string, StageGroup>()
  const sharers = new Map(
    placed.map((one): [PlacedTarget, Sharer] => [
      one,
      { target: one.target, variant: one.facts?.variant, offer: one.offer },
    ]),
  )
  const given = placed.length > 1 ? handovers([...sharers.values()], graphs) : new Map<Sharer, readonly Handover[]>()
  // Those who give come before those who take: jobs are in topological order
  const takes = (one: PlacedTarget) => given.get(sharers.get(one)!) ?? []
  for (const one of [...placed].sort((a, b) => Math.sign(takes(a).length) - Math.sign(takes(b).length)))
    addGroups(one, takes(one))
  return groups

  function addGroups(one: PlacedTarget, handed: readonly Handover[]): void {
    const {
      target,
      facts,
      offer: { candidate, graph },
    } = one
    const keys = new Map<number, string>(
      handed.map(({ stage, from }) => [
        stage,
        keyOf(from.offer.graph.stages.find(({ index }) => index === stage)!, from.offer, facts),
      ]),
    )
    const own = withoutTaken(graph, new Set(keys.keys()))
    for (const [stage, key] of keys) {
      // What only another stage that is taken needs is not
      if (!own.some(({ needs }) => needs.includes(stage))) continue
      const group = groups.get(key)!
      group.targets.push(target)
      group.shared = true
    }
    for (const stage of own) {
      const isImage = stage.index === graph.targetStage
      const key = isImage ? `image ${platformKey(target)}` : keyOf(stage, one.offer, facts)
      keys.set(stage.index, key)
      const group = groups.get(key)
      if (group) group.targets.push(target)
      else {
        const needs = stage.needs.map((index) => keys.get(index)!)
        groups.set(key, {
          kind: isImage ? 'image' : 'stage',
          stage,
          candidate,
          buildPlatform: graph.buildPlatform,
          targets: [target],
          needs,
          ...(isImage ? { placed: one } : {}),
        })
      }
    }
  }

  function keyOf(stage: GraphStage, { candidate }: Offer, facts: TargetFacts | undefined): string {
    return JSON.stringify([
      candidate.node.name,
      facts?.variant,
      stage.index,
      platformKey(stage.platform),
      stage.fingerprint,
    ])
  }
}

/**
 * An image job is named by its platform; a stage job like `build@linux/amd64`, with the targets when they are not
 * just that platform.
 */
function jobId({ kind, stage, targets }: StageGroup): string {
  const served = targets.map(platformKey).join(',')
  if (kind === 'image') return served
  const platform = platformKey(stage.platform)
  return `${stageName(stage)}@${platform}${served === platform ? '' : `>${served}`}`
}

function toJob(
  id: string,
  group: StageGroup,
  { ids, image }: { readonly ids: ReadonlyMap<string, string>; readonly image: string | undefined },
): Job {
  const { stage, candidate, targets, placed, buildPlatform, shared } = group
  const needs = group.needs.map((need) => ids.get(need)!)
  // The node was taken because it can
  const { decision } = decide(needOf(stage, { targets, buildPlatform }), candidate) as { readonly decision: Decision }
  const base = {
    id,
    ...compact({ image }),
    stage: stageName(stage),
    needs,
    platform: stage.platform,
  }
  if (!placed) {
    const reason = `${decision.reason}; built once and copied to other nodes, because it has a RUN, and images on several nodes need it`
    return {
      kind: 'stage',
      ...base,
      decision: shared ? { ...decision, reason } : decision,
      targets,
      ...compact({ shared }),
    }
  }
  const { target, facts, offer, others, rejected } = placed
  const wanted = facts?.needs ?? []
  // A context is handed to a node for one platform: that of the image
  const contexts = wanted.filter(({ context }) =>
    wanted.every((need) => need.context !== context || samePlatform(need.platform, target)),
  )
  const jobOf = (need: TargetId) => targetName({ image: need.image, platform: platformKey(need.platform) })
  return {
    kind: 'image',
    ...base,
    needs: [...needs, ...new Set(wanted.map(jobOf))],
    target,
    ...(contexts.length > 0
      ? { contexts: Object.fromEntries(contexts.map((need) => [need.context, jobOf(need)])) }
      : {}),
    decision: { ...decision, rejected: [...decision.rejected, ...rejected] },
    ...(offer.rank === 2 ? { emulates: true as const } : {}),
    ...(others.length > 0 ? { alternatives: others.map((other) => alternativeOf(other, other.graph)) } : {}),
    ...(facts?.overrides.length ? { overrides: facts.overrides } : {}),
    ...(facts?.optional ? { optional: true as const } : {}),
    ...compact({ timeout: facts?.timeout }),
  }
}
