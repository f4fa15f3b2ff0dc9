import { compact } from '../compact.ts'
import type { BuildkitFacts } from '../driver/buildkit/facts.ts'
import type { Connection } from './connect.ts'
import type { EngineFacts } from './engine-facts.ts'
import type { Recall } from './recall.ts'
import { type DockerEngine, engineFailure } from '../driver/docker/engine.ts'
import { XbuildError } from '../errors.ts'
import { normalizePlatform, type Platform } from '../platform.ts'

/** What a node is, before any program has run on it. */
export interface InspectedEngine {
  readonly driver: 'buildkit' | 'docker'
  /** Like `Docker Engine 28.5.2`, `Podman 4.3.1`, `BuildKit v0.25.1`. */
  readonly version: string
  /** The machine's own platform first, then the variants that it says its CPU has. */
  readonly own: readonly Platform[]
  readonly buildkit?: BuildkitFacts
  /** Whether the engine keeps images in containerd's store, which holds several platforms under one name. */
  readonly containerdStore: boolean
  /** Changes when the engine is another one, or was updated. */
  readonly identity: string
}

/** Asks an engine what it is; with `recall`, its BuildKit only when that is not known. Throws NODE. */
export async function inspectEngine(
  connection: Connection,
  { signal, recall }: { readonly signal: AbortSignal; readonly recall?: Recall },
): Promise<InspectedEngine> {
  const asking = connection.engine
    ? inspectDocker({ ...connection.engine, podman: connection.podman }, signal)
    : undefined
  const [engine, buildkit] =
    recall && asking && connection.transport
      ? await recalled(asking, recall)
      : await Promise.all([asking, inspectBuildkit(connection, signal)])
  const platforms = buildkit?.platforms ?? []
  const own = engine?.platform ?? platforms[0]
  if (!own)
    throw new XbuildError('NODE', `Cannot use node "${connection.endpoint}": it has no worker`, {
      hint: 'See the log of the engine',
    })
  return {
    driver: buildkit ? 'buildkit' : 'docker',
    version: engine?.version ?? `BuildKit ${buildkit?.version ?? '(of before 0.11)'}`,
    own: [
      own,
      ...platforms.filter(
        (one) => one.os === own.os && one.architecture === own.architecture && one.variant !== own.variant,
      ),
    ],
    ...compact({ buildkit }),
    containerdStore: engine?.containerdStore ?? false,
    identity: engine?.identity ?? `${connection.endpoint} ${buildkit?.version ?? ''}`,
  }

  async function recalled(
    asking: Promise<EngineFacts>,
    { facts, keep }: Recall,
  ): Promise<readonly [EngineFacts, BuildkitFacts | undefined]> {
    const found = await asking
    const known = await facts(found)
    if (known) return [found, known]
    const asked = await inspectBuildkit(connection, signal)
    if (asked) await keep(found, asked)
    return [found, asked]
  }
}

async function inspectBuildkit({ transport }: Connection, signal: AbortSignal): Promise<BuildkitFacts | undefined> {
  if (!transport) return undefined
  const { probeBuildkit } = await import('../driver/buildkit/probe.ts')
  return probeBuildkit(transport, { signal })
}

/** What the API says; an engine may leave out anything. */
interface Version {
  readonly Version?: unknown
  readonly Os?: unknown
  readonly Arch?: unknown
}

/** Asks an engine's Docker API what it runs on and how it keeps images. Throws NODE. */
export async function inspectDocker(
  { podman, ...engine }: DockerEngine & { readonly podman: boolean },
  signal: AbortSignal,
): Promise<EngineFacts> {
  const api = engine.api as unknown as Record<
    'version' | 'info',
    (options: { abortSignal: AbortSignal }) => Promise<Record<string, unknown>>
  >
  try {
    const [said, info] = await Promise.all([api.version({ abortSignal: signal }), api.info({ abortSignal: signal })])
    const { Version: number, Os: os, Arch: architecture } = said as Version
    const version = `${podman ? 'Podman' : 'Docker Engine'} ${String(number ?? '')}`.trim()
    if (typeof os !== 'string' || typeof architecture !== 'string')
      throw new XbuildError('NODE', `Cannot use node "${engine.endpoint}": it does not report its platform`)
    return {
      version,
      platform: normalizePlatform({ os, architecture }),
      containerdStore: hasContainerdStore(info),
      identity: `${String(info['ID'] ?? '')} ${version}`,
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw engineFailure(engine.endpoint, error)
  }
}

function hasContainerdStore(info: Record<string, unknown>): boolean {
  const status = Array.isArray(info['DriverStatus']) ? (info['DriverStatus'] as unknown[]) : []
  return status.some(
    (pair) =>
      Array.isArray(pair) && pair[0] === 'driver-type' && String(pair[1]).startsWith('io.containerd.snapshotter'),
  )
}
