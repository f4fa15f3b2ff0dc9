import { resolve } from 'node:path'
import type { Caches, openCaches } from './cache/caches.ts'
import type { BuildOptions, NamedContext } from './config/options.ts'
import { openBuildInputs } from './driver/embedded/build-inputs.ts'
import { createCacheMounts } from './driver/embedded/cache-mounts.ts'
import { createContexts } from './driver/embedded/contexts.ts'
import { createEmbeddedDriver } from './driver/embedded/embedded.ts'
import { createImages } from './driver/embedded/images.ts'
import { createSnapshotKeeper } from './driver/embedded/keeper.ts'
import { createLayers, type Layers } from './driver/embedded/layers.ts'
import { lower, type ImageFor, type VertexTable } from './driver/embedded/lower.ts'
import { openMainContext, type MainContext } from './driver/embedded/main-context.ts'
import { createRemotes, type Remotes } from './driver/embedded/remotes.ts'
import { resolveImages } from './driver/embedded/resolve.ts'
import { createRuntimeFinder } from './driver/embedded/runtime.ts'
import { createSolver, type ContainerOptions } from './driver/embedded/solve.ts'
import { createStepMounts } from './driver/embedded/step-mounts.ts'
import { createWorkers, type Workers } from './driver/embedded/workers.ts'
import type { Emit } from './driver/driver.ts'
import type { GraphStage } from './dockerfile/types.ts'
import { checkDockerfile } from './dockerfile/checks/check.ts'
import { viewOf, type BaseFacts } from './dockerfile/checks/view.ts'
import { findLaunch, type Launch } from './emulation/launch.ts'
import { XbuildError } from './errors.ts'
import type { Answer, Question } from './inspect.ts'
import type { BuildPlan, Node } from './plan/types.ts'
import { check, prepare, type Prepared } from './prepare.ts'
import { formatPlatform, platformOfNodeArch, samePlatform, type Platform } from './platform.ts'
import { checkDestinations, checkOutputs } from './publish/check-outputs.ts'
import { publish } from './publish/publish.ts'
import { createRegistryClient } from './registry/client.ts'
import { dispatch } from './run/dispatch.ts'
import { BuildFailedError } from './run/outcome.ts'
import { defaultStoreRoot } from './store/folder.ts'
import { keyOf } from './store/key.ts'
import { describeHolders, takeBuildLease, type Lease } from './store/lease.ts'
import { keepWithin } from './store/limit.ts'
import { openStore, type Store } from './store/store.ts'
import { availableParallelism } from 'node:os'

/** The world that a build is given. */
export interface BuildEdges {
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Standard input, asked for when the options read from it. */
  readonly stdin?: () => NodeJS.ReadableStream
}

/** What a build made. */
export interface BuildResult {
  /** Digest of the index, or of the manifest when one platform was built. */
  readonly digest: string
  readonly images: readonly { readonly platform: string; readonly digest: string; readonly strategy: string; readonly seconds: number }[]
  readonly tags: readonly string[]
  readonly outputs: readonly { readonly type: string; readonly dest?: string }[]
  /** Folder of the store. */
  readonly stored: string
}

/** What every build works with, before anything is known of its Dockerfile. */
interface Engine {
  readonly store: Store
  readonly workers: Workers
  readonly layers: Layers
  readonly remotes: Remotes
  /** Nothing is removed from the store while it is held. */
  readonly lease: Lease
  close(): Promise<void>
}

/** Builds one Dockerfile for every platform asked for and writes the result where the options say. Throws XbuildError. */
export async function build(options: BuildOptions, edges: BuildEdges): Promise<BuildResult> {
  const { emit, signal, env, stdout } = edges
  const outputs = checkOutputs(options, { stdoutIsTerminal: stdout.isTTY === true })
  await checkDestinations(outputs)
  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  const uid = process.geteuid?.() ?? 0
  const stamp = options.sourceDateEpoch === undefined ? {} : { sourceDateEpoch: options.sourceDateEpoch }
  const registry = createRegistryClient({ registries: options.registries, env, onRetry: warn })
  const inputs = await openBuildInputs(options, env)
  const engine = await openEngine(options, edges, () => prepared!.node)
  const { store, workers, layers, remotes } = engine
  let main: MainContext | undefined
  let prepared: Prepared | undefined
  let caches: Caches | undefined
  try {
    main = await openMain(options, edges, engine)
    prepared = await prepare(options, { ...edges, store, main })
    const { dockerfile, graphs, node, plan } = prepared
    const contexts = createContexts(options, { records: store.records, dockerfile: main.dockerfile.path })
    const images = createImages({ store, registry, cwd: options.cwd, emit, pull: options.pull })
    const imageFor = await resolveImages(graphs, { images, contexts: options.buildContexts, signal })
    const table: VertexTable = new Map()
    const context = main.vertex
    const lowered = graphs.map((graph) => ({ platform: graph.target, lowered: lower(graph, { imageFor, table, context, fresh: options.noCacheFilter }) }))
    check(lowered.flatMap((entry) => entry.lowered.diagnostics), emit)
    const views = graphs.map((graph) => viewOf(graph, (stage) => configFrom(imageFor, stage)))
    check(checkDockerfile({ dockerfile, views }, { buildArgs: options.buildArgs }), emit)

    const runtime = createRuntimeFinder({ store, workers, uid, signal, onWarning: warn, ...(options.ociRuntime ? { wanted: options.ociRuntime } : {}) })
    const isNative = (platform: Platform) => node.native.some((native) => samePlatform(native, platform))
    const jobs = options.jobs ?? Math.max(16, availableParallelism())
    caches = await openCachesOf(options, { registry, cwd: options.cwd, env, emit, store, platforms: plan.platforms })
    const mounts = createStepMounts({ store, workers, layers, remotes, inputs, caches: createCacheMounts(store, uid), context: contexts.open })
    const solver = createSolver({ store, workers, layers, remotes, mounts, container: containerOf(options), context: contexts.open, isNative, runtime, jobs, noCache: options.noCache, emit, ...(caches ? { imports: caches.imports } : {}) })
    const driver = createEmbeddedDriver({ store, workers, layers, solver, lowered, labels: options.labels, ...stamp, ...(caches?.configExtra ? { configExtra: caches.configExtra } : {}) })
    const outcomes = await dispatch(plan, { nodes: [node], driverFor: () => driver, signal, emit })
    await contexts.save()
    const done = outcomes.filter((outcome) => outcome.status === 'done')
    if (signal.aborted) throw new XbuildError('CANCELED', 'Build canceled')
    if (done.length < outcomes.length) {
      throw new BuildFailedError(outcomes.flatMap((outcome) => outcome.status === 'failed' ? [{ platform: formatPlatform(outcome.job.target), error: outcome.error }] : []), outcomes.length)
    }

    const built = plan.platforms.map((platform) => done.find((outcome) => samePlatform(outcome.job.target, platform))!)
    const published = await publish({
      ...outputs,
      images: built.map(({ job, image }) => ({ platform: job.target, image })),
      registry: async () => registry,
      stdout, emit, signal, ...stamp,
      ...(options.metadataFile === undefined ? {} : { metadataFile: resolve(options.cwd, options.metadataFile) }),
      ...(options.iidFile === undefined ? {} : { iidFile: resolve(options.cwd, options.iidFile) }),
    })
    await keepInStore(store, published, options.tags)
    await caches?.save({ workers, layers, solver, lowered, signal })
    if (options.storeLimit !== undefined) {
      engine.lease.release()
      const warning = await keepWithin(store.folder, options.storeLimit, createSnapshotKeeper(workers, signal))
      if (warning !== undefined) warn(warning)
    }
    return {
      digest: published.digest,
      images: built.map(({ job, image, seconds }) => ({ platform: formatPlatform(job.target), digest: image.descriptor.digest, strategy: job.decision.strategy.kind, seconds })),
      tags: options.tags,
      outputs: published.outputs.map((output) => (output.type === 'registry' ? { type: output.type } : output)),
      stored: store.folder.root,
    }
  } catch (error) {
    const broken = caches?.imports.failure()
    // What was read from standard input, or written to standard output, cannot be had a second time
    const once = [options.context, options.file, ...options.outputs.map((output) => 'dest' in output && output.dest)].includes('-')
    if (!broken || once || signal.aborted) throw error
    warn(`Cannot use an imported cache: ${broken.message}; building without it`)
  } finally {
    await Promise.allSettled([main?.close(), engine.close(), registry.close()])
  }
  return build({ ...options, cacheFrom: [] }, edges)
}

/** What `build` would do: every stage and platform with its strategy, node and reason. Starts nothing. */
export async function plan(options: BuildOptions, edges: BuildEdges): Promise<BuildPlan> {
  const engine = await openEngine(options, edges, () => {
    throw new XbuildError('INTERNAL', 'Cannot run a step: this is a plan')
  })
  let main: MainContext | undefined
  try {
    main = await openMain(options, edges, engine)
    return (await prepare(options, { ...edges, store: engine.store, main })).plan
  } finally {
    await Promise.allSettled([main?.close(), engine.close()])
  }
}

/** What `--call` asks about the Dockerfile: what checks find, what a target takes, which targets there are. Builds nothing. */
export async function ask(question: Question, options: BuildOptions, edges: BuildEdges): Promise<Answer> {
  const { emit, signal, env } = edges
  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  const registry = createRegistryClient({ registries: options.registries, env, onRetry: warn })
  const engine = await openEngine(options, edges, () => {
    throw new XbuildError('INTERNAL', 'Cannot run a step: nothing is built')
  })
  let main: MainContext | undefined
  try {
    main = await openMain(options, edges, engine)
    const images = createImages({ store: engine.store, registry, cwd: options.cwd, emit, pull: options.pull })
    const { inspect } = await import('./inspect.ts')
    return await inspect(question, options, { dockerfile: main.dockerfile, images, warn, signal })
  } finally {
    await Promise.allSettled([main?.close(), engine.close(), registry.close()])
  }
}

/** `node` is asked for by the first step that is emulated, long after everything was planned. */
async function openEngine(options: BuildOptions, { emit, signal, env }: BuildEdges, node: () => Node): Promise<Engine> {
  const uid = process.geteuid?.() ?? 0
  const store = await openStore(options.store === undefined ? defaultStoreRoot(env, uid) : resolve(options.cwd, options.store))
  const onWarning = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  const workers = createWorkers({ folder: store.folder, env, uid, launch: once(() => findEmulatedLaunch(node(), env)), onWarning })
  const lease = await takeBuildLease(store.folder, { signal, onWait: (others) => onWarning(`Waiting for ${describeHolders(others)} to end`) })
  const layers = createLayers({ store, workers, ...(options.sourceDateEpoch === undefined ? {} : { sourceDateEpoch: options.sourceDateEpoch }) })
  const remotes = createRemotes({ store, workers, layers, env, emit })
  return {
    store, workers, layers, remotes, lease,
    async close() {
      lease.release()
      remotes.close()
      await workers.close()
    },
  }
}

function openMain(options: BuildOptions, { stdin, signal }: BuildEdges, { remotes, store }: Engine): Promise<MainContext> {
  const platforms = (options.platforms.length > 0 ? options.platforms : [platformOfNodeArch(process.arch)]).map(formatPlatform)
  return openMainContext(options, { remotes, folder: store.folder, stdin, platforms, signal })
}

function findEmulatedLaunch(node: Node, env: BuildEdges['env']): Promise<Launch> {
  return findLaunch(env, node.emulated.flatMap((entry) => (entry.status === 'ready' ? [entry.platform.architecture] : [])))
}

/** What the options say to all RUN steps. */
function containerOf({ network = 'host', addHosts = [], ulimits = [], shmSize }: BuildOptions): ContainerOptions {
  return { network, hosts: addHosts, ulimits, ...(shmSize === undefined ? {} : { shmSize }) }
}

/** What checks want to know of the image that a stage starts from. */
function configFrom(imageFor: ImageFor, stage: GraphStage): BaseFacts | undefined {
  if (stage.base.kind === 'stage' || stage.base.kind === 'scratch') return undefined
  const image = imageFor(stage.base, stage)
  return 'config' in image ? { config: image.config.config ?? {} } : undefined
}

/** The index stays in the store under its tags, whatever else was done with it. */
async function keepInStore(store: Store, { descriptor, bytes }: Awaited<ReturnType<typeof publish>>, tags: readonly string[]): Promise<void> {
  await store.blobs.put(bytes, descriptor.mediaType)
  // Without a name it stays until the next prune
  if (tags.length === 0) await store.records.put('images', keyOf(descriptor.digest), { descriptor })
  for (const tag of tags) await store.records.put('images', keyOf(tag), { tag, descriptor })
}

/** Caches of other machines: code that most builds never load. */
async function openCachesOf(options: BuildOptions, edges: Parameters<typeof openCaches>[1]): Promise<Caches | undefined> {
  if (options.cacheFrom.length + options.cacheTo.length === 0) return undefined
  return (await import('./cache/caches.ts')).openCaches(options, edges)
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

export type { BuildOptions, NamedContext }
