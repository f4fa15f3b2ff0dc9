import { compact } from '../compact.ts'
import { formatEndpoint } from '../config/endpoint.ts'
import type { NodeDefinition } from '../config/node.ts'
import { ABILITY } from '../driver/buildkit/facts.ts'
import { loadDockerApi } from '../driver/docker/engine.ts'
import type { LostNode, OpenedNode, OpenedNodes } from '../driver/opened-node.ts'
import { toXbuildError } from '../errors.ts'
import type { Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import { connect, type Connection } from './connect.ts'
import type { Environment } from './docker-config.ts'
import { nodeFacts, openDriver } from './facts.ts'
import { inspectEngine, type InspectedEngine } from './inspect-engine.ts'
import { createRecall, type Recall } from './recall.ts'
import { findNodePacks, withPacks } from './packs.ts'

export interface OpenNodesEdges {
  readonly env: Environment
  readonly store: Store
  readonly signal: AbortSignal
  /** The platforms that programs are to run for: each is proven on each node that it is not native on. */
  readonly wanted: readonly Platform[]
  /** Absent: nodes that may have packs of native toolchains are not asked about them. */
  readonly packs?: boolean
}

/**
 * Seconds until a node that does not answer is given up; a container may have to be started first, and its image be
 * pulled.
 */
const ANSWER_LIMIT = 5
const START_LIMIT = 180
/** Seconds for a socket of this machine: its engine may be started by the first question, or be busy with builds. */
const SOCKET_LIMIT = 15
/** Seconds when there is nothing else to build on: a busy machine is better than none. */
const LAST_LIMIT = 25
/** Seconds for an engine on a machine that let us in: a small board takes its time, and is there. */
const SLOW_LIMIT = 30
/** At least these seconds for nodes of these kinds. */
const PATIENCE: Partial<Record<NodeDefinition['endpoint']['kind'], number>> = {
  container: START_LIMIT,
  unix: SOCKET_LIMIT,
}
/** Seconds that the programs of all wanted platforms may take on a node. */
const PROOF_LIMIT = 20

/**
 * Opens the nodes of a build, all at once: asks each what it is, and runs a program of each wanted platform there. A
 * node that does not answer in time is lost, and never holds up the others. Throws only what `signal` aborted with, and
 * BAD_OPTION.
 */
export async function openNodes(definitions: readonly NodeDefinition[], edges: OpenNodesEdges): Promise<OpenedNodes> {
  const others = definitions.filter(({ endpoint }) => endpoint.kind !== 'local')
  // Which is not what a node is timed for; what BuildKit is asked with, and built with, most runs with nothing
  // changed never load
  if (others.length > 0) await loadDockerApi()
  const open = (limit: number) => Promise.allSettled(others.map((definition) => openNode(definition, edges, limit)))
  let opened = await open(ANSWER_LIMIT)
  const isNone = others.length === definitions.length && opened.every(({ status }) => status === 'rejected')
  if (isNone && !edges.signal.aborted) opened = await open(LAST_LIMIT)
  const nodes: OpenedNode[] = []
  const lost: LostNode[] = []
  let failure: unknown
  for (const [index, result] of opened.entries()) {
    if (result.status === 'fulfilled') nodes.push(result.value)
    else if (toXbuildError(result.reason).code === 'NODE')
      lost.push({ name: others[index]!.name, because: toXbuildError(result.reason).message })
    else failure ??= result.reason
  }
  if (failure !== undefined || edges.signal.aborted) {
    await Promise.allSettled(nodes.map((node) => node.close()))
    throw edges.signal.aborted ? edges.signal.reason : failure
  }
  return { local: others.length < definitions.length, nodes, lost }
}

async function openNode(
  definition: NodeDefinition,
  { env, store, signal, wanted, packs: asked }: OpenNodesEdges,
  limit: number,
): Promise<OpenedNode> {
  const { connection, inspected } = await reach(definition, {
    env,
    signal,
    limit: Math.max(limit, PATIENCE[definition.endpoint.kind] ?? 0),
    slow: SLOW_LIMIT,
    recall: createRecall({ endpoint: formatEndpoint(definition.endpoint), wanted, store }),
  })
  try {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(PROOF_LIMIT * 1000)])
    const facts = await nodeFacts(definition, { connection, inspected, wanted }, { env, store, signal: soon })
    const packs =
      asked && definition.packs
        ? await findNodePacks(definition, facts, { connection, inspected }, { env, store, signal: soon })
        : undefined
    const node = packs ? await withPacks(facts, packs) : facts
    signal.throwIfAborted()
    return {
      node: { ...node, takesStages: inspected.buildkit?.abilities.has(ABILITY.layouts) === true },
      driver: (buildFor, { pushTo } = {}) =>
        openDriver({ connection, inspected }, { env, store, buildFor, ...compact({ pushTo, packs }) }),
      pushes: inspected.buildkit?.givesOci === true,
      tests:
        connection.engine !== undefined ||
        (inspected.buildkit?.givesOci === true && inspected.buildkit.abilities.has(ABILITY.layouts)),
      close: () => connection.close(),
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}

/**
 * Connects to a node and asks what it is, within `limit` seconds, or `slow` when its machine has let us in by then.
 * Throws NODE.
 */
export async function reach(
  { endpoint }: NodeDefinition,
  {
    env,
    signal,
    limit,
    slow,
    start = true,
    recall,
  }: {
    readonly env: Environment
    readonly signal: AbortSignal
    readonly limit: number
    readonly slow?: number
    readonly start?: boolean
    readonly recall?: Recall
  },
): Promise<{ readonly connection: Connection; readonly inspected: InspectedEngine }> {
  const { unreachable } = await import('../driver/connection-failure.ts')
  const late = new AbortController()
  const either = AbortSignal.any([signal, late.signal])
  let patience = limit
  let timer = setTimeout(() => late.abort(), limit * 1000)
  const onLogin = () => {
    if (slow === undefined || slow <= patience || late.signal.aborted) return // the first login counts
    clearTimeout(timer)
    patience = slow
    timer = setTimeout(() => late.abort(), slow * 1000)
  }
  let connection: Connection | undefined
  try {
    connection = await connect(endpoint, { env, signal: either, start, onLogin })
    return { connection, inspected: await inspectEngine(connection, { signal: either, ...compact({ recall }) }) }
  } catch (error) {
    await connection?.close()
    if (signal.aborted) throw signal.reason
    if (late.signal.aborted)
      throw unreachable(formatEndpoint(endpoint).replace(/\?.*$/s, ''), `no answer within ${patience} s`, {
        cause: error,
        hint: 'Check that the machine is up and the engine runs',
      })
    throw error
  } finally {
    clearTimeout(timer)
  }
}
