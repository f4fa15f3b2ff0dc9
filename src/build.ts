import { join, relative, resolve } from 'node:path'
import { readFile } from 'node:fs/promises'
import type { BuildOptions, NamedContext } from './config/options.ts'
import { createContexts } from './driver/embedded/contexts.ts'
import { createEmbeddedDriver } from './driver/embedded/embedded.ts'
import { createImages } from './driver/embedded/images.ts'
import { createLayers } from './driver/embedded/layers.ts'
import { lower, type VertexTable } from './driver/embedded/lower.ts'
import { resolveImages } from './driver/embedded/resolve.ts'
import { createRuntimeFinder } from './driver/embedded/runtime.ts'
import { createSolver } from './driver/embedded/solve.ts'
import { createWorkers } from './driver/embedded/workers.ts'
import type { Emit } from './driver/driver.ts'
import { buildStageGraph } from './dockerfile/graph.ts'
import { parseDockerfile } from './dockerfile/parse.ts'
import type { StageGraph } from './dockerfile/types.ts'
import { findLaunch, type Launch } from './emulation/launch.ts'
import { DockerfileError, XbuildError, type Diagnostic } from './errors.ts'
import { localNode } from './nodes/local.ts'
import { planBuild } from './plan/plan.ts'
import type { BuildPlan, Node } from './plan/types.ts'
import { formatPlatform, platformOfNodeArch, samePlatform, type Platform } from './platform.ts'
import { checkDestinations, checkOutputs } from './publish/check-outputs.ts'
import { publish } from './publish/publish.ts'
import { createRegistryClient } from './registry/client.ts'
import { dispatch } from './run/dispatch.ts'
import { BuildFailedError } from './run/outcome.ts'
import { defaultStoreRoot } from './store/folder.ts'
import { keyOf } from './store/key.ts'
import { openStore, type Store } from './store/store.ts'
import { availableParallelism } from 'node:os'

/** The world that a build is given. */
export interface BuildEdges {
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
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

/** Everything before the first step runs: read, understood, planned. */
interface Prepared {
  readonly graphs: readonly StageGraph[]
  readonly node: Node
  readonly plan: BuildPlan
  readonly store: Store
}

/** Builds one Dockerfile for every platform asked for and writes the result where the options say. Throws XbuildError. */
export async function build(options: BuildOptions, edges: BuildEdges): Promise<BuildResult> {
  const { emit, signal, env, stdout } = edges
  const outputs = checkOutputs(options, { stdoutIsTerminal: stdout.isTTY === true })
  await checkDestinations(outputs)
  const { graphs, node, plan, store } = await prepare(options, edges)

  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  const uid = process.geteuid?.() ?? 0
  const stamp = options.sourceDateEpoch === undefined ? {} : { sourceDateEpoch: options.sourceDateEpoch }
  const registry = createRegistryClient({ registries: options.registries, env, onRetry: warn })
  const workers = createWorkers({ folder: store.folder, env, uid, launch: once(() => findEmulatedLaunch(node, env)), onWarning: warn })
  const layers = createLayers({ store, workers, ...stamp })
  const contexts = createContexts(options, store.records)
  try {
    const images = createImages({ store, registry, cwd: options.cwd, emit, pull: options.pull })
    const imageFor = await resolveImages(graphs, { images, contexts: options.buildContexts, signal })
    const table: VertexTable = new Map()
    const lowered = graphs.map((graph) => ({ platform: graph.target, lowered: lower(graph, { imageFor, table }) }))
    check(lowered.flatMap((entry) => entry.lowered.diagnostics), emit)

    const runtime = createRuntimeFinder({ store, workers, uid, signal, ...(options.ociRuntime ? { wanted: options.ociRuntime } : {}) })
    const isNative = (platform: Platform) => node.native.some((native) => samePlatform(native, platform))
    const jobs = options.jobs ?? Math.max(16, availableParallelism())
    const solver = createSolver({ store, workers, layers, context: contexts.open, isNative, runtime, jobs, noCache: options.noCache, emit })
    const driver = createEmbeddedDriver({ store, workers, layers, solver, lowered, labels: options.labels, ...stamp })
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
    return {
      digest: published.digest,
      images: built.map(({ job, image, seconds }) => ({ platform: formatPlatform(job.target), digest: image.descriptor.digest, strategy: job.decision.strategy.kind, seconds })),
      tags: options.tags,
      outputs: published.outputs.map((output) => (output.type === 'registry' ? { type: output.type } : output)),
      stored: store.folder.root,
    }
  } finally {
    await Promise.allSettled([workers.close(), registry.close()])
  }
}

/** What `build` would do: every stage and platform with its strategy, node and reason. Starts nothing. */
export async function plan(options: BuildOptions, edges: BuildEdges): Promise<BuildPlan> {
  return (await prepare(options, edges)).plan
}

async function prepare(options: BuildOptions, { emit, signal, env }: BuildEdges): Promise<Prepared> {
  const file = await readDockerfile(options)
  const parsed = parseDockerfile(file.text, { file: file.shown })
  check(parsed.diagnostics, emit)
  const buildPlatform = platformOfNodeArch(process.arch)
  const namedContexts = Object.keys(options.buildContexts)
  const folderContexts = namedContexts.filter((name) => options.buildContexts[name]?.kind === 'dir')
  const targets = options.platforms.length > 0 ? options.platforms : [buildPlatform]
  const graphs = targets.map((target) => buildStageGraph(parsed.dockerfile, {
    target, buildPlatform, buildArgs: options.buildArgs, namedContexts, folderContexts, ...(options.target === undefined ? {} : { targetStage: options.target }),
  }))
  check(graphs.flatMap(({ diagnostics }) => diagnostics), emit)
  const store = await openStore(options.store === undefined ? defaultStoreRoot(env, process.geteuid?.() ?? 0) : resolve(options.cwd, options.store))
  const node = await localNode({
    wanted: platformsThatRun(graphs.map(({ graph }) => graph)), env, signal, slots: 8, cacheFile: join(store.folder.records, 'emulators.json'),
  })
  return {
    graphs: graphs.map(({ graph }) => graph),
    node,
    store,
    plan: planBuild({ dockerfile: file.shown, buildPlatform, graphs: graphs.map(({ graph }) => graph), nodes: [node] }),
  }
}

/** Platforms on which a RUN is to be executed: the only ones that need an emulator. */
function platformsThatRun(graphs: readonly StageGraph[]): Platform[] {
  const all = graphs.flatMap((graph) => graph.stages.filter(({ stage }) => stage.instructions.some(({ kind }) => kind === 'run')).map(({ platform }) => platform))
  return all.filter((platform, index) => all.findIndex((other) => samePlatform(other, platform)) === index)
}

function findEmulatedLaunch(node: Node, env: BuildEdges['env']): Promise<Launch> {
  return findLaunch(env, node.emulated.flatMap((entry) => (entry.status === 'ready' ? [entry.platform.architecture] : [])))
}

/** Reads the Dockerfile: the one named, or `Dockerfile`, then `dockerfile`, in the context. */
async function readDockerfile(options: BuildOptions): Promise<{ text: string; shown: string }> {
  const context = resolve(options.cwd, options.context)
  const candidates = options.file === undefined ? [join(context, 'Dockerfile'), join(context, 'dockerfile')] : [resolve(options.cwd, options.file)]
  for (const path of candidates) {
    try {
      const shown = relative(options.cwd, path)
      return { text: await readFile(path, 'utf8'), shown: shown.startsWith('..') ? path : shown }
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') continue
      throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${path}": ${code === 'EISDIR' ? 'it is a folder' : message}`, { cause, hint: 'Name the file with -f' })
    }
  }
  throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${candidates[0]}": no such file`, { hint: 'Name it with -f, or give the folder that holds it' })
}

/** Warnings are told; errors end the build, all of them at once. */
function check(diagnostics: readonly Diagnostic[], emit: Emit): void {
  const seen = new Set<string>()
  const distinct = diagnostics.filter(({ rule, message, at }) => {
    const key = `${rule} ${at.file}:${at.line} ${message}`
    return !seen.has(key) && seen.add(key)
  })
  const errors = distinct.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new DockerfileError(errors)
  for (const { message, at } of distinct) emit({ type: 'warning', message, source: at, at: Date.now() })
}

/** The index stays in the store under its tags, whatever else was done with it. */
async function keepInStore(store: Store, { descriptor, bytes }: Awaited<ReturnType<typeof publish>>, tags: readonly string[]): Promise<void> {
  await store.blobs.put(bytes, descriptor.mediaType)
  for (const tag of tags) await store.records.put('images', keyOf(tag), { tag, descriptor })
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

export type { BuildOptions, NamedContext }
