import { type Platform, formatPlatform, platformKey, samePlatform } from '../platform.ts'
import type { Decision, Emulated, Node, Rejected, Strategy } from './types.ts'

/** What a stage asks of a node. */
export interface StageNeed {
  /** The platform its programs run on. */
  readonly platform: Platform
  /** The target platforms it serves. */
  readonly targets: readonly Platform[]
  /** Whether it has a RUN at all. */
  readonly runs: boolean
  readonly onBuildPlatform: boolean
}

/** A node with its platforms by key, so that a plan of many stages compares texts. */
export interface Candidate {
  readonly node: Node
  readonly native: ReadonlySet<string>
  readonly emulated: ReadonlyMap<string, Emulated>
}

/** The nodes as `decide` compares them. */
export function candidates(nodes: readonly Node[]): Candidate[] {
  return nodes.map((node) => ({
    node,
    native: new Set(node.native.map(platformKey)),
    emulated: new Map(node.emulated.map((entry) => [platformKey(entry.platform), entry])),
  }))
}

/** How a node would do a stage, or why it cannot. `rank`: 0 native, 1 cross, 2 emulated. */
export type StageOption =
  | { readonly decision: Decision; readonly rank: 0 | 1 | 2 }
  | { readonly decision?: undefined; readonly rejected: readonly Rejected[] }

/** What one node can do for a stage: the best strategy it has, with what was not taken and why. */
export function decide(need: StageNeed, candidate: Candidate): StageOption {
  const { node, native, emulated } = candidate
  const key = platformKey(need.platform)
  const platform = formatPlatform(need.platform)
  const kind = ownKind(need)
  const once = kind === 'cross' ? `, once for ${list(need.targets)}` : ''
  // A stage that runs no program can be made anywhere: better where its platform is at home
  if (!need.runs)
    return {
      decision: { strategy: { kind, node: node.name }, reason: `nothing runs${once}`, rejected: [] },
      rank: native.has(key) ? 0 : 1,
    }
  if (native.has(key)) {
    return {
      decision: {
        strategy: { kind, node: node.name },
        reason: `${node.name} runs ${platform} natively${once}`,
        rejected: [],
      },
      rank: kind === 'cross' ? 1 : 0,
    }
  }
  const rejected: Rejected[] = [
    { kind: 'native', node: node.name, because: `its CPU runs ${list(node.native) || 'nothing known'}` },
  ]
  if (!need.onBuildPlatform)
    rejected.push({ kind: 'cross', node: node.name, because: 'FROM does not name the build platform' })
  const entry = emulated.get(key)
  if (entry?.status !== 'ready') {
    const because = entry?.reason ?? `no emulator for ${platform} was looked for`
    return { rejected: [...rejected, { kind: 'emulate', node: node.name, because }] }
  }
  const strategy: Strategy = { kind: 'emulate', node: node.name, emulator: entry.emulator }
  const { packs = [], refused = [], share } = entry.toolchains ?? {}
  for (const because of refused) rejected.push({ kind: 'cross', node: node.name, because })
  const natively = packs.length > 0 ? `; runs natively where a step starts them: ${packs.join(', ')}` : ''
  const before =
    packs.length > 0 && share !== undefined
      ? `; in earlier builds about ${Math.round(share * 20) * 5} % of the CPU time was native`
      : ''
  return {
    decision: { strategy, reason: `a ${platform} program ran under ${entry.emulator}${natively}${before}`, rejected },
    rank: 2,
  }
}

/** Without emulation a stage is `cross` when it runs on the build platform for another one. */
function ownKind({ platform, targets, onBuildPlatform }: StageNeed): 'native' | 'cross' {
  return onBuildPlatform && targets.some((target) => !samePlatform(target, platform)) ? 'cross' : 'native'
}

function list(platforms: readonly Platform[]): string {
  return platforms.map(formatPlatform).join(', ')
}
