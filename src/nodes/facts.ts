import { compact } from '../compact.ts'
import { DEFAULT_SLOTS, type NodeDefinition } from '../config/node.ts'
import type { PushTarget } from '../driver/buildkit/daemon.ts'
import type { NodePacks } from '../driver/buildkit/packs/hand-over.ts'
import type { Driver } from '../driver/driver.ts'
import type { RemoteBuild } from '../driver/remote-build.ts'
import { siblingOf } from '../emulation/native.ts'
import type { Emulated, Job, Node } from '../plan/types.ts'
import { distinctPlatforms, formatPlatform, type Platform, platformKey, samePlatform } from '../platform.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import type { Connection } from './connect.ts'
import type { Environment } from './docker-config.ts'
import { counted } from './load.ts'
import { BELIEF } from './engine-facts.ts'
import type { InspectedEngine } from './inspect-engine.ts'
import { noEmulator, provePlatforms, type Proven } from './prove.ts'

export interface FactsEdges {
  readonly env: Environment
  /** Results of builds go there, and what was proven before. */
  readonly store: Store
  readonly signal: AbortSignal
}

/** Opens the driver that fits what was found at a connection. */
export async function openDriver(
  { connection, inspected }: { readonly connection: Connection; readonly inspected: InspectedEngine },
  {
    env,
    store,
    buildFor,
    pushTo,
    packs,
  }: Omit<FactsEdges, 'signal'> & {
    readonly buildFor: (job: Job) => RemoteBuild | Promise<RemoteBuild>
    readonly pushTo?: PushTarget
    readonly packs?: NodePacks
  },
): Promise<Driver> {
  const { engine, transport, endpoint, podman } = connection
  if (inspected.buildkit && transport) {
    const { createBuildkitDriver } = await import('../driver/buildkit/buildkit.ts')
    const { engineImages } = await import('../driver/docker/engine-images.ts')
    const imagesFor = ({ store: into, options: { sourceDateEpoch } }: RemoteBuild) =>
      engineImages(engine!, { store: into, ...compact({ sourceDateEpoch }) })
    return counted(
      createBuildkitDriver({
        transport,
        facts: inspected.buildkit,
        buildFor,
        env,
        ...(engine ? { images: imagesFor } : {}),
        ...compact({ pushTo, packs }),
      }),
      { folder: store.folder, endpoint },
    )
  }
  const { createDockerDriver } = await import('../driver/docker/docker-driver.ts')
  return counted(
    createDockerDriver({
      engine: engine!,
      builder: podman ? 'podman' : 'docker',
      platform: inspected.own[0]!,
      buildFor,
    }),
    { folder: store.folder, endpoint },
  )
}

interface ProofRecord {
  readonly identity: string
  /** When each platform's program ran, by the platform's key. */
  readonly ready: Readonly<Record<string, number>>
}

/**
 * The planner's facts about a node: programs of the wanted platforms that are not its own run there now, or did
 * within the hour.
 */
export async function nodeFacts(
  definition: NodeDefinition,
  {
    connection,
    inspected,
    wanted,
  }: { readonly connection: Connection; readonly inspected: InspectedEngine; readonly wanted: readonly Platform[] },
  edges: FactsEdges,
): Promise<Node> {
  const { name, platforms: only, slots = DEFAULT_SLOTS } = definition
  const [own] = inspected.own
  const allowed = (platform: Platform) => !only || only.some((one) => samePlatform(one, platform))
  const open = distinctPlatforms([...wanted, ...(only ?? [])]).filter(
    (platform) => !inspected.own.some((one) => samePlatform(one, platform)),
  )
  const refused: Emulated[] = open
    .filter((platform) => !allowed(platform))
    .map((platform) => ({
      platform,
      status: 'missing',
      reason: `${name} was defined only for ${only!.map(formatPlatform).join(', ')}`,
      hint: `Change its platforms in ${definition.origin}`,
    }))
  // A newer CPU of the same kind is not emulated, and a program that runs on the older one proves nothing
  const newer: Emulated[] = open
    .filter((platform) => allowed(platform) && platform.architecture === own!.architecture)
    .map((platform) => ({
      platform,
      status: 'missing',
      reason: `${name} does not say that its CPU runs ${formatPlatform(platform)}`,
      hint: 'Build without the variant, or on a newer CPU',
    }))
  const foreign = open.filter((platform) => allowed(platform) && platform.architecture !== own!.architecture)
  // BuildKit runs programs of its own to know what it names; what it does not name did not run. But it may not look
  // for 32-bit ones
  const claims = inspected.buildkit?.platforms
  const unclaimed = foreign.filter(
    ({ architecture }) =>
      architecture !== siblingOf(own!.architecture) && claims?.every((one) => one.architecture !== architecture),
  )
  const proven = await prove(
    name,
    { connection, inspected, wanted: foreign.filter((platform) => !unclaimed.includes(platform)) },
    edges,
  )
  const answers = [...refused, ...newer, ...unclaimed.map((platform) => noEmulator(name, platform)), ...proven.emulated]
  return {
    name,
    endpoint: connection.endpoint,
    driver: inspected.driver,
    ...(inspected.driver === 'docker'
      ? { classic: connection.podman ? ('podman' as const) : ('docker' as const) }
      : {}),
    native: [...inspected.own, ...proven.siblings].filter(allowed),
    emulated: open.flatMap((platform) => answers.find((answer) => samePlatform(answer.platform, platform)) ?? []),
    slots,
  }
}

async function prove(
  node: string,
  {
    connection,
    inspected,
    wanted,
  }: { readonly connection: Connection; readonly inspected: InspectedEngine; readonly wanted: readonly Platform[] },
  { env, store, signal }: FactsEdges,
): Promise<Proven> {
  if (wanted.length === 0) return { siblings: [], emulated: [] }
  const key = keyOf(['node', connection.endpoint])
  const record = await store.records.get<ProofRecord>('nodes', key)
  const now = Date.now()
  const ready = record?.identity === inspected.identity && typeof record.ready === 'object' ? record.ready : {}
  const isKnown = (platform: Platform) => now - (ready[platformKey(platform)] ?? 0) < BELIEF
  const open = wanted.filter((platform) => !isKnown(platform))
  const proven = await provePlatforms({
    node,
    own: inspected.own[0]!,
    wanted: open,
    store,
    signal,
    known: wanted.filter(isKnown),
    driver: (buildFor) => openDriver({ connection, inspected }, { env, store, buildFor }),
  })
  const ran = [
    ...proven.siblings,
    ...proven.emulated.flatMap(({ platform, status }) => (status === 'ready' ? [platform] : [])),
  ]
  const fresh = ran.filter((platform) => !isKnown(platform))
  if (fresh.length > 0) {
    const times = Object.fromEntries(fresh.map((platform) => [platformKey(platform), now]))
    await store.records
      .put('nodes', key, { identity: inspected.identity, ready: { ...ready, ...times } } satisfies ProofRecord)
      .catch(() => undefined)
  }
  return proven
}
