import { once } from 'node:events'
import { StringDecoder } from 'node:string_decoder'
import { Writable, type Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type Dockerode from 'dockerode'
import { createLines, type CutLine } from '../../content/lines.ts'
import type { TestOptions } from '../driver.ts'
import type { EngineTest } from '../engine-images.ts'
import { answered, cleaned } from './answers.ts'
import { engineFailure, type DockerEngine } from './engine.ts'

/** How a command in a container ended: its exit code, or why the engine could not start it. */
export type ContainerEnd =
  | { readonly kind: 'ended'; readonly status: number }
  | { readonly kind: 'refused'; readonly state: string }

/** Runs a command in a container of an image of the engine; the container is removed. Throws NODE. */
export async function runContainer(
  engine: DockerEngine,
  { name, argv, options, cut }: Pick<EngineTest, 'argv' | 'options' | 'cut'> & { readonly name: string },
  { signal, onLine }: TestOptions,
): Promise<ContainerEnd> {
  const [program = '', ...rest] = argv
  let container: Dockerode.Container | undefined
  const abort = () => void (container && removed(container))
  signal.addEventListener('abort', abort, { once: true })
  try {
    signal.throwIfAborted()
    const made = engine.api.createContainer({
      Image: name,
      Entrypoint: [program],
      Cmd: rest,
      AttachStdout: true,
      AttachStderr: true,
      // Who is killed meanwhile leaves nothing behind
      HostConfig: { AutoRemove: true, ...hostConfig(options) },
    })
    container = await answered(made, signal).catch(async (error: unknown) => {
      container = await cleaned(made)
      throw error
    })
    const streams = container.attach({ stream: true, stdout: true, stderr: true })
    const output = (await answered(streams, signal)) as unknown as Readable
    const read = readOutput(engine, output, { onLine, cut })
    try {
      const ended = container.wait({ condition: 'next-exit' }) as Promise<{ readonly StatusCode: number }>
      ended.catch(() => undefined)
      const refused = await answered(
        container.start().then(() => undefined, refusal),
        signal,
      )
      signal.throwIfAborted()
      if (refused !== undefined) return { kind: 'refused', state: refused }
      const { StatusCode: status } = await answered(ended, signal)
      await answered(read, signal)
      return { kind: 'ended', status }
    } finally {
      output.destroy()
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : engineFailure(engine.endpoint, error)
  } finally {
    signal.removeEventListener('abort', abort)
    if (container) await removed(container)
  }
}

/** Milliseconds between looks at a container that the engine itself removes, and their number. */
const PAUSE = 100
const LOOKS = 50

/** Removes a container, whatever it does; when it ended by itself, waits until it is gone: its image is free then. */
async function removed(container: Dockerode.Container): Promise<void> {
  for (let looks = 1; looks <= LOOKS; looks++) {
    const status = await cleaned(container.remove({ force: true, v: true })).then(
      () => 204,
      ({ statusCode }: { statusCode?: number }) => statusCode,
    )
    if (status !== 409) return
    await pause(PAUSE)
  }
}

/** A program that is not there is no failure of the engine. */
function refusal(error: unknown): string {
  const { statusCode = 500, json } = error as { statusCode?: number; json?: { message?: string } | null }
  const said = json?.message
  if (
    said === undefined ||
    !(statusCode < 500 || /no such file|executable file not found|permission denied/.test(said))
  )
    throw error
  return said.trim().split('\n').at(-1)!
}

async function readOutput(
  engine: DockerEngine,
  output: Readable,
  { onLine, cut }: Pick<TestOptions, 'onLine'> & { readonly cut: CutLine | undefined },
): Promise<void> {
  const streams = (['stdout', 'stderr'] as const).map((stream) => {
    const lines = createLines((line) => onLine(line, stream), cut)
    const decoder = new StringDecoder('utf8')
    const sink = new Writable({
      write(chunk: Buffer, _, done) {
        lines.push(decoder.write(chunk))
        done()
      },
    })
    return { sink, end: () => lines.end() }
  })
  engine.api.modem.demuxStream(output, streams[0]!.sink, streams[1]!.sink)
  await once(output, 'close').catch(() => undefined)
  for (const { end } of streams) end()
}

function hostConfig({ network, addHosts = [], ulimits = [], shmSize }: EngineTest['options']): Dockerode.HostConfig {
  return {
    ...(network === undefined || network === 'private' ? {} : { NetworkMode: network }),
    ...(addHosts.length > 0 ? { ExtraHosts: addHosts.map(({ name, ip }) => `${name}:${ip}`) } : {}),
    ...(ulimits.length > 0
      ? { Ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })) }
      : {}),
    ...(shmSize === undefined ? {} : { ShmSize: shmSize }),
  }
}
