import { compact } from '../compact.ts'
import { formatEndpoint } from '../config/endpoint.ts'
import type { NodeDefinition } from '../config/node.ts'
import { ABILITY } from '../driver/buildkit/facts.ts'
import { loadDockerApi } from '../driver/docker/engine.ts'
import type { LostNode, OpenedNode, OpenedNodes } from '../driver/opened-node.ts'
import { toXbuildError } from '../errors.ts'
import type { Node } from '../plan/types.ts'
import type { Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import { connect, type Connection } from './connect.ts'
import type { Environment } from './docker-config.ts'
import { nodeFacts, openDriver } from './facts.ts'
import { inspectEngine, type InspectedEngine } from './inspect-engine.ts'
import { createRecall, type Recall } from './recall.ts'
import { findNodePacks, withPacks } from './packs.ts'
import { watchSilence } from './silence.ts'

export interface OpenNodesEdges {
  readonly env: Environment
  readonly store: Store
  readonly signal: AbortSignal
  /** The platforms that programs are to run for: each is proven on each node that it is not native on. */
  readonly wanted: readonly Platform[]
  /** Absent: nodes that may have packs of native toolchains are not asked about them. */
  readonly packs?: boolean
  /** This machine, when it takes part. */
  readonly here?: Promise<Node>
  /** Whether any node may do what another was named for. */
  readonly alike: boolean
  readonly warn: (message: string) => void
}

/** Seconds until a node that does not answer is given up. */
const ANSWER_LIMIT = 5
/** Seconds for a container that has to be started first, and its image be pulled. */
const START_LIMIT = 180
/** Seconds for a socket of this machine: its engine may be started by the first question, or be busy with builds. */
const SOCKET_LIMIT = 15
/** Seconds when there is nothing else to build on: a busy machine is better than none. */
const LAST_LIMIT = 25
/** Seconds for an engine on a machine that let us in: a small board takes its time, and is there. */
const SLOW_LIMIT = 30
/** At least these seconds for nodes of these kinds. */
const PATIENCE: Partial<Record<NodeDefinition['endpoint']['kind'], number>> = {
  container: SOCKET_LIMIT,
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
  const opened = await openAll(others, { ...edges, alone: others.length === definitions.length })
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

/** Whatever comes of each node; those are asked again, and for longer, when nobody answers. */
async function openAll(
  others: readonly NodeDefinition[],
  edges: OpenNodesEdges & { readonly alone: boolean },
): Promise<PromiseSettledResult<OpenedNode>[]> {
  const silence = watchSilence(edges)
  void edges.here?.then(silence.opened).catch(() => undefined) // who asked for it is told
  const open = (definition: NodeDefinition, limit: number) =>
    openNode(definition, { ...edges, limit, enough: silence.enough }).then((one) => {
      silence.opened(one.node)
      return one
    })
  const round = (limit: number) =>
    Promise.allSettled(others.map((definition) => silence.tell(definition.name, open(definition, limit))))
  try {
    const first = await round(ANSWER_LIMIT)
    const isNone = edges.alone && first.every(({ status }) => status === 'rejected')
    return isNone && !edges.signal.aborted ? await round(LAST_LIMIT) : first
  } finally {
    silence.close()
  }
}

async function openNode(
  definition: NodeDefinition,
  edges: OpenNodesEdges & { readonly limit: number; readonly enough: AbortSignal },
): Promise<OpenedNode> {
  const { env, store, signal, wanted, packs: asked, limit, enough } = edges
  const { kind } = definition.endpoint
  const { connection, inspected } = await reach(definition, {
    env,
    signal,
    enough,
    limit: Math.max(limit, PATIENCE[kind] ?? 0),
    slow: kind === 'container' ? START_LIMIT : SLOW_LIMIT,
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
 * Connects to a node and asks what it is, within `limit` seconds, or `slow` when its machine has let us in, or begun to
 * start it, by then. Without such a sign of life `enough` ends it at once. Throws NODE.
 */
export async function reach(
  { endpoint }: NodeDefinition,
  {
    env,
    signal,
    limit,
    slow,
    enough,
    start = true,
    recall,
  }: {
    readonly env: Environment
    readonly signal: AbortSignal
    readonly limit: number
    readonly slow?: number
    readonly enough?: AbortSignal
    readonly start?: boolean
    readonly recall?: Recall
  },
): Promise<{ readonly connection: Connection; readonly inspected: InspectedEngine }> {
  const { unreachable } = await import('../driver/connection-failure.ts')
  const late = new AbortController()
  const either = AbortSignal.any([signal, late.signal])
  const begun = performance.now()
  let patience = limit
  let timer = setTimeout(() => late.abort(), limit * 1000)
  const giveUp = () => {
    patience = Math.round((performance.now() - begun) / 1000)
    late.abort()
  }
  if (enough?.aborted) giveUp()
  else enough?.addEventListener('abort', giveUp)
  const onLogin = () => {
    enough?.removeEventListener('abort', giveUp)
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
    enough?.removeEventListener('abort', giveUp)
    clearTimeout(timer)
  }
}
