import { setTimeout as sleep } from 'node:timers/promises'
import { compact } from '../compact.ts'
import { formatEndpoint } from '../config/endpoint.ts'
import { DEFAULT_SLOTS, type NodeDefinition } from '../config/node.ts'
import { toXbuildError } from '../errors.ts'
import type { Emulated, Node } from '../plan/types.ts'
import type { Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import type { Connection } from './connect.ts'
import type { Environment } from './docker-config.ts'
import { nodeFacts } from './facts.ts'
import { runningJobs } from './load.ts'
import type { InspectedEngine } from './inspect-engine.ts'
import { reach } from './open.ts'
import { findNodePacks, withPacks } from './packs.ts'
import { provablePlatforms } from './prove.ts'

/** A node as people see it. */
export interface NodeReport {
  readonly name: string
  readonly endpoint: string
  readonly origin: string
  /** Whether it takes part in builds that name no nodes. */
  readonly used: boolean
  readonly slots: number
  readonly state: NodeState
}

export type NodeState =
  | { readonly status: 'lost'; readonly because: string; readonly hint?: string }
  | {
      readonly status: 'ready'
      readonly driver: Node['driver']
      readonly version: string
      readonly native: readonly Platform[]
      readonly emulated: readonly Emulated[]
      readonly load: NodeLoad
      /** Bytes of its build cache, when it told in time. */
      readonly cache?: number
      /** Images of several platforms under one name can be loaded. */
      readonly containerdStore: boolean
    }

/** Builds that run on a node, or jobs that this user's own builds have there. */
export interface NodeLoad {
  readonly running: number
  readonly counted: 'by the node' | 'from here'
}

export interface ReportEdges {
  readonly env: Environment
  readonly store: Store
  readonly signal: AbortSignal
  /** Seconds for each node, all questions together. */
  readonly limit: number
}

/**
 * Asks a node everything: within `limit` it answers or is lost, and what could not be proven in the rest of that time
 * is missing for that reason. Throws only what `signal` aborted with.
 */
export async function reportNode(definition: NodeDefinition, used: boolean, edges: ReportEdges): Promise<NodeReport> {
  const { name, origin, slots = DEFAULT_SLOTS } = definition
  const common = { name, origin, used, slots, endpoint: formatEndpoint(definition.endpoint).replace(/\?.*$/s, '') }
  const late = AbortSignal.timeout(edges.limit * 1000)
  let connection: Connection | undefined
  try {
    const reached = await reach(definition, { env: edges.env, signal: edges.signal, limit: edges.limit, start: false })
    connection = reached.connection
    return {
      ...common,
      state: await stateOf(definition, reached, { ...edges, signal: AbortSignal.any([edges.signal, late]) }),
    }
  } catch (error) {
    if (edges.signal.aborted) throw edges.signal.reason
    const { message, hint } = toXbuildError(error)
    return { ...common, state: { status: 'lost', because: message, ...(hint ? { hint } : {}) } }
  } finally {
    await connection?.close()
  }
}

async function stateOf(
  definition: NodeDefinition,
  reached: { connection: Connection; inspected: InspectedEngine },
  edges: ReportEdges,
): Promise<NodeState> {
  const { connection, inspected } = reached
  const wanted = provablePlatforms(inspected.own)
  // In this order: programs that prove something run in builds, and count
  const [usage, jobs] = await Promise.all([
    usageOf(reached, edges).catch(() => undefined),
    runningJobs(edges.store.folder, connection.endpoint),
  ])
  const found = await nodeFacts(definition, { ...reached, wanted }, edges)
  const facts = definition.packs
    ? await withPacks(found, await findNodePacks(definition, found, reached, edges))
    : found
  const running = usage?.running
  return {
    status: 'ready',
    driver: inspected.driver,
    version: inspected.version,
    native: facts.native,
    emulated: facts.emulated,
    load: running === undefined ? { running: jobs, counted: 'from here' } : { running, counted: 'by the node' },
    ...compact({ cache: usage?.cache }),
    containerdStore: inspected.containerdStore,
  }
}

async function usageOf(
  { connection, inspected }: { connection: Connection; inspected: InspectedEngine },
  { signal }: ReportEdges,
): Promise<{ readonly running?: number | undefined; readonly cache?: number }> {
  const { transport, engine } = connection
  if (inspected.buildkit && transport) {
    const { buildkitUsage } = await import('../driver/buildkit/usage.ts')
    const usage = await buildkitUsage(transport, { signal })
    if (!usage.running) return usage
    // What it was just asked may still count as a build
    await sleep(300, undefined, { signal })
    const again = await buildkitUsage(transport, { signal })
    return { ...again, running: Math.min(usage.running, again.running ?? usage.running) }
  }
  const { LayersSize: size } = (await (engine!.api as unknown as { df(options: object): Promise<object> }).df({
    abortSignal: signal,
  })) as { LayersSize?: unknown }
  return typeof size === 'number' ? { cache: size } : {}
}
