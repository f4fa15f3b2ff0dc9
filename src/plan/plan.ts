import type { GraphStage, StageGraph } from '../dockerfile/types.ts'
import type { SourcePosition } from '../errors.ts'
import { type Platform, platformKey, samePlatform } from '../platform.ts'
import { type StageNeed, candidates, decide } from './decide.ts'
import { noNode } from './no-node.ts'
import type { BuildPlan, Decision, Job, Node, Rejected } from './types.ts'

/** The facts a plan is made from. */
export interface PlanInput {
  readonly dockerfile: string
  readonly buildPlatform: Platform
  /** One per target platform, in the order asked for; a second one for the same platform is ignored. */
  readonly graphs: readonly StageGraph[]
  readonly nodes: readonly Node[]
}

/**
 * Decides where and how every stage of every platform is built. Stages of equal fingerprint are one job; each target stage is an image
 * job of its own. Jobs come in topological order, and equal input gives an equal plan. Throws NO_NODE, naming every platform
 * that nobody can run.
 */
export function planBuild({ dockerfile, buildPlatform, graphs, nodes }: PlanInput): BuildPlan {
  const distinct = graphs.filter(({ target }, index) => graphs.findIndex((graph) => samePlatform(graph.target, target)) === index)
  const groups = groupStages(distinct)
  const ids = new Map([...groups].map(([key, group]) => [key, jobId(group)]))
  const places = candidates(nodes)
  const load = new Map<string, number>()
  const refusals: { group: StageGroup; rejected: readonly Rejected[] }[] = []
  const jobs: Job[] = []
  for (const [key, group] of groups) {
    const found = decide(needOf(group, buildPlatform), places, load)
    if (!found.decision) refusals.push({ group, rejected: found.rejected })
    else jobs.push(toJob(key, group, found.decision, ids))
  }
  if (refusals.length > 0 || nodes.length === 0) {
    const placed = refusals.map(({ group: { stage }, rejected }) => ({ platform: stage.platform, at: positionOf(stage), rejected }))
    throw noNode(placed, nodes)
  }
  return { dockerfile, buildPlatform, platforms: distinct.map(({ target }) => target), jobs }
}

/** A stage as it appears in one or more graphs. */
interface StageGroup {
  readonly kind: Job['kind']
  readonly stage: GraphStage
  readonly targets: Platform[]
  /** Keys of the groups it reads from. */
  readonly needs: readonly string[]
}

function groupStages(graphs: readonly StageGraph[]): Map<string, StageGroup> {
  const groups = new Map<string, StageGroup>()
  for (const { target, stages, targetStage } of graphs) {
    const keys = new Map<number, string>()
    for (const stage of stages) {
      const kind = stage.index === targetStage ? 'image' : 'stage'
      const key = kind === 'image' ? `image ${platformKey(target)}` : `${stage.index} ${platformKey(stage.platform)} ${stage.fingerprint}`
      keys.set(stage.index, key)
      const group = groups.get(key)
      if (group) group.targets.push(target)
      else groups.set(key, { kind, stage, targets: [target], needs: stage.needs.map((index) => keys.get(index)!) })
    }
  }
  return groups
}

/** An image job is named by its platform; a stage job like `build@linux/amd64`, with the targets when they are not just that platform. */
function jobId({ kind, stage, targets }: StageGroup): string {
  const served = targets.map(platformKey).join(',')
  if (kind === 'image') return served
  const platform = platformKey(stage.platform)
  return `${stageName(stage)}@${platform}${served === platform ? '' : `>${served}`}`
}

function stageName(stage: GraphStage): string {
  return stage.name ?? String(stage.index)
}

function needOf({ stage, targets }: StageGroup, buildPlatform: Platform): StageNeed {
  const runs = stage.stage.instructions.some(({ kind }) => kind === 'run')
  return { platform: stage.platform, targets, runs, onBuildPlatform: samePlatform(stage.platform, buildPlatform) }
}

/** Where the first RUN is: the line that needs a machine. */
function positionOf({ stage }: GraphStage): SourcePosition {
  return (stage.instructions.find(({ kind }) => kind === 'run') ?? stage.from).at
}

function toJob(key: string, group: StageGroup, decision: Decision, ids: ReadonlyMap<string, string>): Job {
  const { kind, stage, targets } = group
  const needs = group.needs.map((key) => ids.get(key)!)
  const base = { id: ids.get(key)!, stage: stageName(stage), needs, platform: stage.platform, decision }
  return kind === 'image' ? { kind, ...base, target: targets[0]! } : { kind, ...base, targets }
}
