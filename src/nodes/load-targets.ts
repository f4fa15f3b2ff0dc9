import { type Endpoint, formatEndpoint, looksLikeEndpoint, parseEndpoint } from '../config/endpoint.ts'
import type { Output } from '../config/options.ts'
import { loadImage } from '../driver/docker/load-image.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import type { Platform } from '../platform.ts'
import { connectDocker } from './connect.ts'
import { currentEngine, dockerContext, type Environment } from './docker-config.ts'
import { inspectDocker } from './inspect-engine.ts'

/** A Docker Engine that images can be loaded into. */
export interface OpenedTarget {
  readonly endpoint: string
  readonly platform: Platform
  readonly severalPlatforms: boolean
  load(tar: AsyncIterable<Uint8Array>, options: { readonly signal: AbortSignal }): Promise<readonly string[]>
}

export interface LoadTargets {
  /** By Docker context; `undefined` is the engine that `docker` talks to. */
  get(context: string | undefined): OpenedTarget
  close(): Promise<void>
}

/** Milliseconds until an engine that does not answer is given up. */
const LIMIT = 5000

/**
 * Opens the engines that outputs of `type=load` name, before anything is built for them. Throws NODE or BAD_OPTION
 * when one does not answer.
 */
export async function openLoadTargets(
  outputs: readonly Output[],
  { env, signal }: { readonly env: Environment; readonly signal: AbortSignal },
): Promise<LoadTargets> {
  const contexts = [...new Set(outputs.flatMap((output) => (output.type === 'load' ? [output.context] : [])))]
  const opened = await Promise.allSettled(contexts.map((context) => open(context, { env, signal })))
  const close = async () =>
    void (await Promise.allSettled(opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value.close()] : []))))
  const failed = opened.find((one) => one.status === 'rejected')
  if (failed) {
    await close()
    throw failed.reason
  }
  const targets = new Map(
    contexts.map((context, index) => [
      context,
      (opened[index] as PromiseFulfilledResult<Awaited<ReturnType<typeof open>>>).value,
    ]),
  )
  return { get: (context) => targets.get(context)!, close }
}

async function open(
  context: string | undefined,
  { env, signal }: { readonly env: Environment; readonly signal: AbortSignal },
): Promise<OpenedTarget & { close(): Promise<void> }> {
  const endpoint = await engineOf(context, env)
  const late = AbortSignal.timeout(LIMIT)
  const either = AbortSignal.any([signal, late])
  try {
    const engine = await connectDocker(endpoint, { env, signal: either })
    try {
      const { platform, containerdStore } = await inspectDocker(engine, either)
      return {
        endpoint: engine.endpoint,
        platform,
        severalPlatforms: containerdStore,
        load: (tar, options) => loadImage(engine, tar, options),
        close: () => engine.close(),
      }
    } catch (error) {
      await engine.close()
      throw error
    }
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    const { facts, message } = toXbuildError(cause)
    const state = late.aborted ? `no answer within ${LIMIT / 1000} s` : (facts.state ?? message)
    throw new XbuildError('NODE', `Cannot load into the Docker Engine at "${formatEndpoint(endpoint)}": ${state}`, {
      cause,
      hint: 'Start it, name another with DOCKER_HOST or -o type=docker,context=NAME, or use -o type=docker,dest=FILE.tar',
    })
  }
}

async function engineOf(context: string | undefined, env: Environment): Promise<Endpoint> {
  if (context === undefined) return currentEngine(env)
  const endpoint = looksLikeEndpoint(context) ? parseEndpoint(context, 'context') : await dockerContext(context, env)
  if (endpoint) return endpoint
  throw new XbuildError('BAD_OPTION', `Cannot load into Docker context "${context}": there is no such context`, {
    hint: 'See docker context ls',
  })
}
