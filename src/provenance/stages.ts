import { compact } from '../compact.ts'
import type { StageGraph } from '../dockerfile/types.ts'
import { candidates, decide } from '../plan/decide.ts'
import { needOf, stageName } from '../plan/stages.ts'
import type { BuildPlan, Node, StageJob, Strategy } from '../plan/types.ts'
import { strategyUsed } from '../plan/strategy-of.ts'
import { formatPlatform, samePlatform } from '../platform.ts'
import type { BuildRecord, NamedPack, PackFacts, StageFacts } from './facts.ts'

/** What tells how the stages of an image were built. */
export interface StageEdges {
  readonly plan: BuildPlan
  /** The node that built the image, at last. */
  readonly node: Node
  readonly packs: BuildRecord['packs']
}

/** How each stage of an image was built on its node; what another node built for it is told as of that node. */
export function stagesOf(graph: StageGraph, { plan, node, packs }: StageEdges): StageFacts[] {
  const [candidate] = candidates([node])
  return graph.stages.map((stage): StageFacts => {
    const name = stageName(stage)
    const handed = plan.jobs.find(
      (job): job is StageJob =>
        job.kind === 'stage' &&
        job.shared === true &&
        job.stage === name &&
        job.targets.some((target) => samePlatform(target, graph.target)),
    )
    const own = decide(needOf(stage, { targets: [graph.target], buildPlatform: graph.buildPlatform }), candidate!)
      .decision?.strategy
    const isHanded = handed !== undefined && handed.decision.strategy.node !== node.name
    const strategy = isHanded ? handed.decision.strategy : own
    const used = packs.get(stage.index) ?? []
    return {
      stage: name,
      platform: formatPlatform(isHanded ? handed.platform : stage.platform),
      ...(strategy ? strategyFacts(strategy, used.length > 0) : {}),
      ...(used.length > 0 ? { packs: used.map(packFacts) } : {}),
    }
  })
}

function strategyFacts(strategy: Strategy, natively: boolean): Pick<StageFacts, 'strategy' | 'emulator' | 'node'> {
  const emulator = strategy.kind === 'emulate' ? { emulator: strategy.emulator } : {}
  return { strategy: strategyUsed(strategy.kind, natively), ...emulator, node: strategy.node }
}

/** A pack as provenance tells it: by its recipe, and its name for people where that is all that is known. */
export function packFacts({ name, digest, recipe = name, source }: NamedPack): PackFacts {
  return { name: recipe, ...compact({ source }), digest: { sha256: digest.replace(/^sha256:/, '') } }
}
