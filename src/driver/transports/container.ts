import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type Dockerode from 'dockerode'
import { type Endpoint, formatEndpoint } from '../../config/endpoint.ts'
import type { XbuildError } from '../../errors.ts'
import { type DockerEngine, engineFailure } from '../docker/engine.ts'
import { pullImage } from '../docker/pull.ts'
import type { Dial } from '../dial.ts'
import { unreachable } from '../connection-failure.ts'

type ContainerEndpoint = Endpoint & { readonly kind: 'container' }

/** Seconds that a buildkitd may take until it answers after its start. */
const START_LIMIT = 30

/**
 * buildkitd in a container of `engine`; the container is started, or made from the image that the endpoint names, at
 * the first connection.
 */
export function dialContainer(
  endpoint: ContainerEndpoint,
  {
    engine,
    start = true,
    onStart,
  }: {
    readonly engine: DockerEngine
    /** Otherwise it has to run already. */
    readonly start?: boolean
    /** Told when the container has to be made or started first. */
    readonly onStart?: () => void
  },
): Dial {
  const shown = formatEndpoint(endpoint).replace(/\?.*$/s, '')
  const container = engine.api.getContainer(endpoint.name)
  let running: Promise<void> | undefined
  return {
    endpoint: shown,
    async connect(signal) {
      signal.throwIfAborted()
      running ??= ensureRunning(container, endpoint, { engine, shown, start, signal, onStart }).catch(
        (error: unknown) => {
          running = undefined
          throw signal.aborted ? signal.reason : error
        },
      )
      await running
      return demultiplexed(await attach(engine, container, ['buildctl', 'dial-stdio'], signal), shown)
    },
    close: () => engine.close(),
  }
}

interface Place {
  readonly engine: DockerEngine
  readonly shown: string
  readonly start: boolean
  readonly signal: AbortSignal
  readonly onStart: (() => void) | undefined
}

async function ensureRunning(
  container: Dockerode.Container,
  endpoint: ContainerEndpoint,
  { engine, shown, start, signal, onStart }: Place,
): Promise<void> {
  const call = <T>(promise: Promise<T>) =>
    promise.catch((error: unknown) => Promise.reject(engineFailure(engine.endpoint, error)))
  const found = await container.inspect({ abortSignal: signal }).catch((error: { statusCode?: number }) => {
    if (error.statusCode === 404) return undefined
    throw engineFailure(engine.endpoint, error)
  })
  if (found?.State.Running) return
  if (!start)
    throw unreachable(shown, found ? 'its container is not running' : 'its container does not exist', {
      hint: 'A build that uses the node starts it',
    })
  onStart?.()
  if (!found) {
    if (!endpoint.image)
      throw unreachable(shown, `no such container on ${engine.endpoint}`, {
        hint: `Give the image to create it from: ${shown}?image=moby/buildkit:latest`,
      })
    await make(endpoint, { engine, signal })
  }
  await call(container.start({ abortSignal: signal }))
  for (const deadline = Date.now() + START_LIMIT * 1000; ; await sleep(200, undefined, { signal })) {
    const probe = demultiplexed(await attach(engine, container, ['buildctl', 'debug', 'workers'], signal), shown)
    const said: Buffer[] = []
    const failed = await new Promise<unknown>((resolve) =>
      probe
        .on('data', (chunk: Buffer) => said.push(chunk))
        .once('error', resolve)
        .once('end', () => resolve(undefined)),
    )
    if (!failed && said.length > 0) return
    const state = (await call(container.inspect({ abortSignal: signal }))).State
    if (!state.Running)
      throw unreachable(shown, `its container ended with status ${state.ExitCode}`, {
        hint: `See docker logs ${endpoint.name}`,
      })
    if (Date.now() > deadline)
      throw unreachable(shown, `buildkitd did not answer within ${START_LIMIT} s`, {
        hint: `See docker logs ${endpoint.name}`,
      })
  }
}

/** As buildx makes it, so that the two share containers: privileged, its state in a volume. */
async function make(
  { name, image, network }: ContainerEndpoint,
  { engine, signal }: Pick<Place, 'engine' | 'signal'>,
): Promise<void> {
  const settings = {
    name,
    Image: image!,
    HostConfig: {
      Privileged: true,
      Init: true,
      RestartPolicy: { Name: 'unless-stopped' },
      Mounts: [{ Type: 'volume' as const, Source: `${name}_state`, Target: '/var/lib/buildkit' }],
      ...(network ? { NetworkMode: network } : {}),
    },
    abortSignal: signal,
  }
  const create = () => engine.api.createContainer(settings as Dockerode.ContainerCreateOptions)
  try {
    await create().catch(async (error: { statusCode?: number }) => {
      if (error.statusCode !== 404) throw error
      await pullImage(engine, image!, { signal })
      return create()
    })
  } catch (error) {
    // Another xbuild may have made it meanwhile
    if ((error as { statusCode?: number }).statusCode === 409) return
    throw engineFailure(engine.endpoint, error)
  }
}

async function attach(
  engine: DockerEngine,
  container: Dockerode.Container,
  command: readonly string[],
  signal: AbortSignal,
): Promise<Duplex> {
  try {
    const exec = await container.exec({
      Cmd: [...command],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      abortSignal: signal,
    })
    return await engine.start(exec.id, signal)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw engineFailure(engine.endpoint, error)
  }
}

const HEADER = 8
const KEPT = 4000

/**
 * Takes apart what Docker sends for a program without a terminal: frames of a stream's number, a length, and that
 * many bytes.
 */
function demultiplexed(raw: Duplex, endpoint: string): Duplex {
  let rest: Buffer = Buffer.alloc(0)
  let said = ''
  let stream = 1
  let left = 0
  const duplex = new Duplex({
    read: () => void raw.resume(),
    write: (chunk: Buffer, _encoding, callback) => void raw.write(chunk, callback),
    final: (callback) => void raw.end(() => callback()),
    destroy(error, callback) {
      raw.destroy()
      callback(error)
    },
  })
  raw.on('data', (chunk: Buffer) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    while (rest.length > 0) {
      if (left === 0) {
        if (rest.length < HEADER) break
        stream = rest[0]!
        left = rest.readUInt32BE(4)
        rest = rest.subarray(HEADER)
        if (stream > 2)
          return void duplex.destroy(unreachable(endpoint, 'the engine sends an invalid stream of output'))
        continue
      }
      const part = rest.subarray(0, left)
      rest = rest.subarray(part.length)
      left -= part.length
      if (stream === 2) said = (said + part.toString()).slice(-KEPT)
      else if (!duplex.push(Buffer.from(part))) raw.pause()
    }
  })
  raw.once('error', (error) => duplex.destroy(error))
  // The program's own words tell why there is no more
  raw.once('end', () => (said === '' ? duplex.push(null) : duplex.destroy(failed(endpoint, said))))
  raw.once('close', () => {
    if (!duplex.readableEnded && !duplex.destroyed) duplex.push(null)
  })
  return duplex
}

function failed(endpoint: string, said: string): XbuildError {
  const lines = said.trim().split('\n').slice(-10)
  const missing = /executable file not found|no such file or directory: unknown/.test(said)
  return unreachable(
    endpoint,
    missing ? 'there is no buildctl in the container' : (lines.at(-1) ?? 'buildctl failed'),
    { output: lines },
  )
}
