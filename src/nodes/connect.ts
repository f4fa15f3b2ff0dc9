import { compact } from '../compact.ts'
import { type Endpoint, formatEndpoint, looksLikeEndpoint, parseEndpoint } from '../config/endpoint.ts'
import { type DockerEngine, openDockerEngine } from '../driver/docker/engine.ts'
import { dockerTransport } from '../driver/docker/transport.ts'
import type { Transport } from '../driver/transport.ts'
import { buildkitTransport } from '../driver/transports/buildkitd.ts'
import type { Dial } from '../driver/dial.ts'
import { identify } from '../driver/transports/identify.ts'
import { XbuildError } from '../errors.ts'
import { currentEngine, dockerContext, type Environment } from './docker-config.ts'

/** An open way to an engine that is not our own. */
export interface Connection {
  readonly endpoint: string
  /** The engine's Docker API, when it has one. */
  readonly engine?: DockerEngine
  /** The way to its BuildKit, when it has one and it is not switched off. */
  readonly transport?: Transport
  readonly podman: boolean
  close(): Promise<void>
}

export interface ConnectOptions {
  readonly env: Environment
  readonly signal: AbortSignal
  /** Whether a container that does not run is started, or made. Default: yes. */
  readonly start?: boolean
  /** Told when a machine has let us in, or begins to start what is to answer, before that answers. */
  readonly onLogin?: () => void
}

/**
 * Opens a way to what is at an endpoint, and finds out what that is. Throws NODE; BAD_OPTION for settings that cannot
 * be.
 */
export async function connect(
  endpoint: Endpoint,
  { env, signal, start = true, onLogin }: ConnectOptions,
): Promise<Connection> {
  const dial = await dialOf(endpoint, { env, start, ...compact({ onLogin }) })
  try {
    // These run BuildKit's own client program there: it can be nothing else
    const identity =
      endpoint.kind === 'container' || endpoint.kind === 'pod'
        ? { kind: 'buildkit' as const }
        : await identify(dial, signal)
    if (identity.kind === 'buildkit') {
      const transport = buildkitTransport(dial)
      return { endpoint: dial.endpoint, transport, podman: false, close: () => transport.close() }
    }
    const engine = await openDockerEngine(dial)
    const hasBuildkit =
      !identity.podman &&
      identity.builder !== 'classic' &&
      env['DOCKER_BUILDKIT'] !== '0' &&
      (await answersGrpc(engine, signal))
    return {
      endpoint: dial.endpoint,
      engine,
      ...(hasBuildkit ? { transport: dockerTransport(engine) } : {}),
      podman: identity.podman,
      close: () => engine.close(),
    }
  } catch (error) {
    await dial.close()
    throw error
  }
}

/** Opens the Docker API at an endpoint. Throws NODE when it is something else. */
export async function connectDocker(
  endpoint: Endpoint,
  edges: { readonly env: Environment; readonly signal: AbortSignal },
): Promise<DockerEngine & { readonly podman: boolean }> {
  const { engine, podman, close } = await connect(endpoint, edges)
  if (engine) return { ...engine, podman }
  await close()
  throw new XbuildError(
    'NODE',
    `Cannot use "${formatEndpoint(endpoint)}" as a Docker Engine: it is a BuildKit daemon`,
    { hint: 'Name the socket of a Docker Engine' },
  )
}

async function answersGrpc(engine: DockerEngine, signal: AbortSignal): Promise<boolean> {
  try {
    const connection = await engine.hijack('/grpc', { Upgrade: 'h2c', Connection: 'Upgrade' }, signal)
    connection.destroy()
    return true
  } catch (error) {
    // An engine of before 2018 knows no such path; one that is lost is another matter
    const status = ((error as Error).cause as { statusCode?: number } | undefined)?.statusCode
    if (status !== undefined && status >= 400 && status < 500) return false
    throw error
  }
}

async function dialOf(
  endpoint: Endpoint,
  { env, start, onLogin }: { readonly env: Environment; readonly start: boolean; readonly onLogin?: () => void },
): Promise<Dial> {
  switch (endpoint.kind) {
    case 'local':
      throw new XbuildError('INTERNAL', 'Cannot connect to this machine: it is here')
    case 'unix':
      return (await import('../driver/transports/sockets.ts')).dialUnix(endpoint)
    case 'tcp':
      return (await import('../driver/transports/sockets.ts')).dialTcp(endpoint)
    case 'ssh':
      return (await import('../driver/transports/ssh.ts')).dialSsh(endpoint, { env, ...compact({ onLogin }) })
    case 'pod':
      return (await import('../driver/transports/pod.ts')).dialPod(endpoint, { env })
    case 'container': {
      const { dialContainer } = await import('../driver/transports/container.ts')
      return dialContainer(endpoint, {
        engine: await openDockerEngine(await dialOf(await engineOf(endpoint, env), { env, start })),
        start,
        ...compact({ onStart: onLogin }),
      })
    }
  }
}

/** The engine whose container is meant: that of a Docker context, or the current one. */
async function engineOf({ name, context }: Endpoint & { kind: 'container' }, env: Environment): Promise<Endpoint> {
  if (context === undefined || context === '') return currentEngine(env)
  const endpoint = looksLikeEndpoint(context)
    ? parseEndpoint(context, `context of docker-container://${name}`)
    : await dockerContext(context, env)
  if (!endpoint || !['unix', 'tcp', 'ssh'].includes(endpoint.kind)) {
    throw new XbuildError('BAD_OPTION', `Cannot use container "${name}": there is no Docker context "${context}"`, {
      hint: 'See docker context ls',
    })
  }
  return endpoint
}
