import { join } from 'node:path'
import type { NodeDefinition } from '../config/node.ts'
import { ABILITY } from '../driver/buildkit/facts.ts'
import type { FoundPacks, NodePacks } from '../driver/buildkit/packs/hand-over.ts'
import { XbuildError } from '../errors.ts'
import type { Node } from '../plan/types.ts'
import { formatPlatform } from '../platform.ts'
import { keyOf } from '../store/key.ts'
import type { Connection } from './connect.ts'
import { openDriver, type FactsEdges } from './facts.ts'
import { BELIEF } from './engine-facts.ts'
import type { InspectedEngine } from './inspect-engine.ts'

interface HandlerRecord {
  readonly identity: string
  /** When a twin of each architecture's probe started. */
  readonly proven: Readonly<Record<string, number>>
}

interface Reached {
  readonly connection: Connection
  readonly inspected: InspectedEngine
}

/**
 * The packs of this machine that a node can use for what it emulates; its handler starts a twin now, or did within the
 * hour. Throws BAD_OPTION for a node that packs cannot be handed to.
 */
export async function findNodePacks(
  { name, origin }: NodeDefinition,
  node: Node,
  { connection, inspected }: Reached,
  edges: FactsEdges,
): Promise<NodePacks> {
  if (!inspected.buildkit?.abilities.has(ABILITY.layouts)) {
    const state = inspected.buildkit
      ? 'its BuildKit does not support OCI layouts as contexts'
      : 'it builds without BuildKit'
    throw new XbuildError('BAD_OPTION', `Cannot give packs to node "${name}": ${state}`, {
      hint: `Leave packs out of its definition (${origin}), or update that engine`,
    })
  }
  const { store, signal, env } = edges
  const [{ currentPacks }, { hostTarget, PACK_TARGETS }, { proveHandler }] = await Promise.all([
    import('../emulation/packs/current.ts'),
    import('../emulation/packs/targets.ts'),
    import('./prove-packs.ts'),
  ])
  const own = node.native[0]!
  const host = hostTarget({ amd64: 'x64', arm64: 'arm64' }[own.architecture] ?? '')
  const packs = (await currentPacks(join(store.folder.root, 'packs'))).filter(
    // A node does not tell which index an image is from
    ({ manifest }) => manifest.host === host?.debian && !manifest.sibling,
  )
  const platforms = node.emulated.flatMap(({ platform, status }) =>
    status === 'ready' && PACK_TARGETS[platform.architecture] ? [platform] : [],
  )
  const found = new Map<string, FoundPacks>()
  for (const platform of platforms) {
    if (found.has(platform.architecture)) continue
    const fitting = packs.filter(({ manifest }) => manifest.architecture === platform.architecture)
    const reason =
      fitting.length > 0
        ? await prove(platform)
        : `this machine has no packs for ${platform.architecture} programs that run on ${formatPlatform(own)}: see xbuild pack build`
    found.set(platform.architecture, reason === undefined ? { packs: fitting } : { reason })
  }
  return { node: name, native: node.native, byArchitecture: found }

  async function prove(platform: Node['native'][number]): Promise<string | undefined> {
    const key = keyOf(['packs', connection.endpoint])
    const record = await store.records.get<HandlerRecord>('nodes', key)
    const known = record?.identity === inspected.identity && typeof record.proven === 'object' ? record.proven : {}
    if (Date.now() - (known[platform.architecture] ?? 0) < BELIEF) return undefined
    const reason = await proveHandler({
      node: name,
      own,
      platform,
      store,
      signal,
      driver: (buildFor) => openDriver({ connection, inspected }, { env, store, buildFor }),
    })
    if (reason === undefined)
      await store.records
        .put('nodes', key, {
          identity: inspected.identity,
          proven: { ...known, [platform.architecture]: Date.now() },
        } satisfies HandlerRecord)
        .catch(() => undefined)
    return reason
  }
}

/** The facts about a node with its packs, or with why it has none. */
export async function withPacks(node: Node, { byArchitecture }: NodePacks): Promise<Node> {
  const { packName } = await import('../emulation/packs/pack.ts')
  const emulated = node.emulated.map((entry) => {
    const found = entry.status === 'ready' ? byArchitecture.get(entry.platform.architecture) : undefined
    if (!found || entry.status !== 'ready') return entry
    const packs =
      'packs' in found ? found.packs.map(({ manifest, digest }) => `${packName(manifest)} ${digest.slice(0, 12)}`) : []
    return { ...entry, toolchains: { packs, refused: 'reason' in found ? [found.reason] : [] } }
  })
  return { ...node, emulated }
}
