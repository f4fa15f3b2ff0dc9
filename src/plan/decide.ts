import { type Platform, formatPlatform, samePlatform } from '../platform.ts'
import type { Decision, Node, Rejected, Strategy } from './types.ts'

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

/** A decision, or none and why each node was refused. */
export type Decided = { readonly decision: Decision } | { readonly decision?: undefined; readonly rejected: readonly Rejected[] }

/** What one node can do for a stage; the better the smaller the rank. */
interface Offer {
  readonly node: Node
  readonly strategy: Strategy
  readonly rank: number
  readonly reason: string
}

interface Looked {
  readonly offer?: Offer
  readonly rejected: readonly Rejected[]
}

/**
 * Takes the best strategy there is, and among the nodes that offer it the one with the fewest jobs per slot; the order of `nodes` breaks
 * ties. Counts the job in `load` (jobs by node name).
 */
export function decide(need: StageNeed, nodes: readonly Node[], load: Map<string, number>): Decided {
  const looked = nodes.map((node) => (need.runs ? look(need, node) : lookWithoutRun(need, node)))
  const rejected = looked.flatMap((one) => one.rejected)
  const offers = looked.flatMap(({ offer }) => (offer ? [offer] : []))
  const busy = ({ node }: Offer) => (load.get(node.name) ?? 0) / Math.max(1, node.slots)
  const [best, ...others] = offers.toSorted((a, b) => a.rank - b.rank || busy(a) - busy(b))
  if (!best) return { rejected }
  const { name } = best.node
  load.set(name, (load.get(name) ?? 0) + 1)
  const notTaken = others.map(({ node, strategy, rank }) => {
    const because = rank > best.rank ? `${name} does better: ${best.strategy.kind}` : `${name} has no more jobs per slot`
    return { kind: strategy.kind, node: node.name, because }
  })
  return { decision: { strategy: best.strategy, reason: best.reason, rejected: [...rejected, ...notTaken] } }
}

/** A stage that runs no program can be made anywhere: better where its platform is at home, so that it stays beside its siblings. */
function lookWithoutRun(need: StageNeed, node: Node): Looked {
  const kind = ownKind(need)
  const reason = kind === 'cross' ? `nothing runs, once for ${list(need.targets)}` : 'nothing runs'
  return { offer: { node, strategy: { kind, node: node.name }, rank: isNative(need, node) ? 0 : 1, reason }, rejected: [] }
}

function look(need: StageNeed, node: Node): Looked {
  const platform = formatPlatform(need.platform)
  if (isNative(need, node)) {
    const kind = ownKind(need)
    const runs = `${node.name} runs ${platform} natively`
    const reason = kind === 'cross' ? `${runs}, once for ${list(need.targets)}` : runs
    return { offer: { node, strategy: { kind, node: node.name }, rank: 0, reason }, rejected: [] }
  }
  const rejected: Rejected[] = [{ kind: 'native', node: node.name, because: `its CPU runs ${list(node.native) || 'nothing known'}` }]
  if (!need.onBuildPlatform) rejected.push({ kind: 'cross', node: node.name, because: 'FROM does not name the build platform' })
  const entry = node.emulated.find((emulated) => samePlatform(emulated.platform, need.platform))
  if (entry?.status !== 'ready') {
    const because = entry?.reason ?? `no emulator for ${platform} was looked for`
    return { rejected: [...rejected, { kind: 'emulate', node: node.name, because }] }
  }
  const strategy: Strategy = { kind: 'emulate', node: node.name, emulator: entry.emulator }
  return { offer: { node, strategy, rank: 2, reason: `a ${platform} program ran under ${entry.emulator}` }, rejected }
}

/** Without emulation a stage is `cross` when it runs on the build platform for another one. */
function ownKind({ platform, targets, onBuildPlatform }: StageNeed): 'native' | 'cross' {
  return onBuildPlatform && targets.some((target) => !samePlatform(target, platform)) ? 'cross' : 'native'
}

function isNative({ platform }: StageNeed, node: Node): boolean {
  return node.native.some((known) => samePlatform(known, platform))
}

function list(platforms: readonly Platform[]): string {
  return platforms.map(formatPlatform).join(', ')
}
