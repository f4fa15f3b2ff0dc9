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

/** The nodes as `decide` looks at them. */
export function candidates(nodes: readonly Node[]): Candidate[] {
  return nodes.map((node) => ({
    node,
    native: new Set(node.native.map(platformKey)),
    emulated: new Map(node.emulated.map((entry) => [platformKey(entry.platform), entry])),
  }))
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
export function decide(need: StageNeed, nodes: readonly Candidate[], load: Map<string, number>): Decided {
  const key = platformKey(need.platform)
  const looked = nodes.map((candidate) => (need.runs ? look(need, candidate, key) : lookWithoutRun(need, candidate, key)))
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
function lookWithoutRun(need: StageNeed, { node, native }: Candidate, key: string): Looked {
  const kind = ownKind(need)
  const reason = kind === 'cross' ? `nothing runs, once for ${list(need.targets)}` : 'nothing runs'
  return { offer: { node, strategy: { kind, node: node.name }, rank: native.has(key) ? 0 : 1, reason }, rejected: [] }
}

function look(need: StageNeed, { node, native, emulated }: Candidate, key: string): Looked {
  const platform = formatPlatform(need.platform)
  if (native.has(key)) {
    const kind = ownKind(need)
    const runs = `${node.name} runs ${platform} natively`
    const reason = kind === 'cross' ? `${runs}, once for ${list(need.targets)}` : runs
    return { offer: { node, strategy: { kind, node: node.name }, rank: 0, reason }, rejected: [] }
  }
  const rejected: Rejected[] = [{ kind: 'native', node: node.name, because: `its CPU runs ${list(node.native) || 'nothing known'}` }]
  if (!need.onBuildPlatform) rejected.push({ kind: 'cross', node: node.name, because: 'FROM does not name the build platform' })
  const entry = emulated.get(key)
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

function list(platforms: readonly Platform[]): string {
  return platforms.map(formatPlatform).join(', ')
}
