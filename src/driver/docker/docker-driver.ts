import { compact } from '../../compact.ts'
import { contextNames } from '../../config/build-context.ts'
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { CompleteOptions } from '../../config/options.ts'
import { withProxies } from '../../config/proxies.ts'
import { buildStageGraph } from '../../dockerfile/graph.ts'
import { parseDockerfile } from '../../dockerfile/parse.ts'
import { platformArgs } from '../../dockerfile/platform-args.ts'
import type { Dockerfile, StageGraph } from '../../dockerfile/types.ts'
import { toXbuildError, XbuildError } from '../../errors.ts'
import { parseReference } from '../../oci/reference.ts'
import { formatPlatform, type Platform } from '../../platform.ts'
import { classicLimit, classicText, type ClassicBuilder } from '../../plan/classic-limits.ts'
import type { ImageJob, Job } from '../../plan/types.ts'
import type { BuiltImage } from '../../content/built-image.ts'
import type { Driver, DriverOptions } from '../driver.ts'
import type { RemoteBuild } from '../remote-build.ts'
import { createClassicProgress, type ClassicProgress } from './classic-progress.ts'
import { sentContext } from './context-tar.ts'
import { type DockerEngine, engineFailure } from './engine.ts'
import type { EngineImages } from '../engine-images.ts'
import { createImagesUnderTest, type ImagesUnderTest } from '../images-under-test.ts'
import { engineImages } from './engine-images.ts'
import { jsonLines } from './json-lines.ts'
import { authsOf } from './registry-auth.ts'

export interface DockerDriverOptions {
  readonly engine: DockerEngine
  readonly builder: ClassicBuilder
  /** What the engine's own CPU runs. */
  readonly platform: Platform
  readonly buildFor: (job: Job) => Promise<RemoteBuild> | RemoteBuild
}

/**
 * An engine with Docker's API and without BuildKit, as a driver: its own builder builds, and the result is read back
 * into the local store. Throws UNSUPPORTED before anything is sent when its builder cannot do what the Dockerfile asks
 * for.
 */
export function createDockerDriver({ engine, builder, platform: native, buildFor }: DockerDriverOptions): Driver {
  const kept = createImagesUnderTest()
  return {
    async build(job, options) {
      if (job.kind !== 'image')
        throw new XbuildError(
          'INTERNAL',
          `Cannot build ${job.id} on "${engine.endpoint}": it was not planned as an image`,
        )
      const build = await buildFor(job)
      const { dockerfile } = parseDockerfile(build.dockerfile.text, { file: build.dockerfile.shown })
      const graph = graphOf(dockerfile, { build, job, native })
      refuse(graph, build.options, { engine, builder })
      return buildClassic({ engine, build, dockerfile, graph, job, native, builder, kept }, options)
    },
    async test({ job, ...test }, options) {
      const { store, options: asked, cut } = await buildFor(job)
      const name = kept.nameOf(test.image)
      await engineImages(engine, { store }).test({ ...test, name, options: asked, cut }, options)
    },
    close: () => kept.close(),
  }
}

interface Classic {
  readonly engine: DockerEngine
  readonly build: RemoteBuild
  readonly dockerfile: Dockerfile
  readonly graph: StageGraph
  readonly job: ImageJob
  readonly native: Platform
  readonly builder: ClassicBuilder
  readonly kept: ImagesUnderTest
}

function graphOf(
  dockerfile: Dockerfile,
  { build, job, native }: { build: RemoteBuild; job: ImageJob; native: Platform },
): StageGraph {
  const { options } = build
  const { graph } = buildStageGraph(dockerfile, {
    target: job.target,
    buildPlatform: native,
    buildArgs: options.buildArgs,
    ...contextNames(options.buildContexts),
    ...compact({ targetStage: options.target }),
  })
  return graph
}

function refuse(
  graph: StageGraph,
  { allow = [], noCacheFilter = [], resources }: CompleteOptions,
  { engine, builder }: Pick<Classic, 'engine' | 'builder'>,
): void {
  const limit = classicLimit(graph, builder)
  const hint = 'Build on a node with BuildKit or on this machine: name it with --builder'
  if (limit)
    throw new XbuildError(
      'UNSUPPORTED',
      `Cannot build on "${engine.endpoint}": its builder, without BuildKit, does not support ${limit.what}`,
      { at: limit.at, hint },
    )
  const asked: readonly (readonly [boolean, string])[] = [
    [allow.length > 0, '--allow'],
    [noCacheFilter.length > 0, '--no-cache-filter'],
    [resources !== undefined, '--resource'],
  ]
  const flag = asked.find(([isAsked]) => isAsked)?.[1]
  if (flag)
    throw new XbuildError(
      'UNSUPPORTED',
      `Cannot build on "${engine.endpoint}": its builder, without BuildKit, does not support ${flag}`,
      { hint },
    )
}

async function buildClassic(classic: Classic, { signal, emit }: DriverOptions): Promise<BuiltImage> {
  const { engine, dockerfile, job } = classic
  const id = randomUUID()
  const name = `localhost/xbuild-temporary:${id}`
  const progress = createClassicProgress({
    emit,
    platform: job.target,
    dockerfile,
    endpoint: engine.endpoint,
    id,
    emulated: job.decision.strategy.kind === 'emulate',
    cut: classic.build.cut,
  })
  const { store, options } = classic.build
  const images = engineImages(engine, {
    store,
    ...compact({ sourceDateEpoch: options.sourceDateEpoch }),
  })
  const make = async (noCache: boolean) => {
    const imageId = await send(classic, { name, progress, noCache, signal })
    return takeImage(classic, { name, imageId, images, signal, emit, id })
  }
  let image: BuiltImage | undefined
  try {
    image = await make(options.noCache).catch((error: unknown) => {
      // Its cache does not tell platforms apart: what it goes on from may have been made for another one
      const { code, facts } = toXbuildError(error)
      if (options.noCache || (code !== 'BAD_PLATFORM' && !facts.otherPlatform)) throw error
      return make(true)
    })
    return image
  } finally {
    await classic.kept.settle(name, { images, options, image })
  }
}

interface Sending {
  readonly name: string
  readonly progress: ClassicProgress
  readonly noCache: boolean
  readonly signal: AbortSignal
}

/** Gives the id of what was built, when the engine says it in a field of its own: a step can print what looks like one. */
async function send(classic: Classic, { name, progress, noCache, signal }: Sending): Promise<string | undefined> {
  const { engine, build, dockerfile } = classic
  const context = sentContext(build, classicText(build.dockerfile.text, dockerfile))
  const registryconfig = await authsOf(imagesOf(classic.graph), build.credentials)
  let failure: unknown
  const body = Readable.from(context.tar ?? [])
  // The engine may answer before it has read everything; what the context threw says more than what came of it
  body.on('error', (error) => (failure ??= error))
  try {
    const stream: unknown = await engine.api.buildImage(
      body as NodeJS.ReadableStream,
      {
        ...settingsOf(classic),
        nocache: noCache,
        t: name,
        dockerfile: context.dockerfile,
        ...(context.remote ? { remote: context.remote } : {}),
        registryconfig,
        abortSignal: signal,
      } as never,
    )
    for await (const message of jsonLines(stream as AsyncIterable<Buffer>)) progress.take(message)
  } catch (error) {
    failure ??= error
  } finally {
    body.destroy()
  }
  const failed = progress.end(
    failure === undefined ? undefined : failure instanceof XbuildError ? failure : apiFailure(failure, engine),
  )
  if (signal.aborted) throw signal.reason
  if (failure instanceof XbuildError) throw failure
  if (failed) throw failed
  if (progress.image() === undefined)
    throw new XbuildError('NODE', `Cannot build on "${engine.endpoint}": the connection was lost during the build`, {
      hint: 'See the log of the engine',
    })
  return progress.named()
}

/** An engine that does not like the request says so instead of building: its words, as those of its builder. */
function apiFailure(error: unknown, engine: DockerEngine): string | XbuildError {
  const { statusCode, json } = error as { statusCode?: number; json?: { message?: string } | null }
  return statusCode !== undefined && statusCode < 500 && json?.message
    ? json.message
    : engineFailure(engine.endpoint, error)
}

function settingsOf({ build, graph, job, native }: Classic): Record<string, unknown> {
  const { options } = build
  const { network, addHosts = [], ulimits = [], shmSize } = options
  const automatic = platformArgs({ target: job.target, build: native, targetStage: options.target ?? '' })
  const declared = new Set(
    graph.stages.flatMap(({ stage }) =>
      stage.instructions.flatMap((one) => (one.kind === 'arg' ? one.args.map((arg) => arg.name) : [])),
    ),
  )
  const wanted = Object.entries(automatic).filter(([name, value]) => declared.has(name) && value !== '')
  return {
    platform: formatPlatform(job.target),
    buildargs: { ...Object.fromEntries(wanted), ...withProxies(options) },
    labels: options.labels,
    rm: true,
    forcerm: true,
    ...(options.pull ? { pull: 'true' } : {}),
    ...compact({ target: options.target }),
    ...(network === undefined || network === 'private' ? {} : { networkmode: network }),
    ...(addHosts.length > 0 ? { extrahosts: addHosts.map(({ name, ip }) => `${name}:${ip}`).join(',') } : {}),
    ...(ulimits.length > 0
      ? { ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })) }
      : {}),
    ...compact({ shmsize: shmSize }),
  }
}

/** The images that the stages start from and copy from. */
function imagesOf({ stages }: StageGraph) {
  const sources = stages.flatMap(({ base, froms }) => [base, ...Object.values(froms)])
  return [...new Set(sources.flatMap((source) => (source.kind === 'image' ? [source.ref] : [])))].map((ref) =>
    parseReference(ref),
  )
}

async function takeImage(
  { engine, job }: Classic,
  {
    name,
    imageId,
    images,
    signal,
    emit,
    id,
  }: DriverOptions & {
    readonly name: string
    readonly imageId: string | undefined
    readonly images: EngineImages
    readonly id: string
  },
): Promise<BuiltImage> {
  const step = `${id} save`
  const shown = formatPlatform(job.target)
  emit({
    type: 'step.start',
    step,
    name: `[${shown}] taking the image from ${engine.endpoint}`,
    platforms: [shown],
    at: Date.now(),
  })
  try {
    const image = await images.read(name, { platform: job.target, signal, ...compact({ id: imageId }) })
    emit({ type: 'step.done', step, cached: false, at: Date.now() })
    return image
  } catch (error) {
    emit({ type: 'step.fail', step, error: toXbuildError(error), at: Date.now() })
    throw error
  }
}
