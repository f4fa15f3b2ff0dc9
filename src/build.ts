import { resolve } from 'node:path'
import { provenanceOf } from './config/attest.ts'
import type { BuildOptions, NamedContext } from './config/options.ts'
import type { Attested, AttestEdges } from './attest.ts'
import { createImages } from './driver/embedded/images.ts'
import type { Emit, UsedPack } from './driver/driver.ts'
import { openEngines, type Engines } from './engines.ts'
import { keepInStore, keepStoreSmall, resultOf } from './finish.ts'
import { openHabits } from './habits.ts'
import type { Answer, Question } from './inspect.ts'
import type { BuildPlan } from './plan/types.ts'
import { lookOver, prepare, type Prepared } from './prepare.ts'
import type { LoadTargets } from './nodes/load-targets.ts'
import { checkDestinations, checkOutputs, type OutputPlan } from './publish/check-outputs.ts'
import { loadable } from './publish/load.ts'
import { publish } from './publish/publish.ts'
import { dispatch } from './run/dispatch.ts'
import { settle, type Settled } from './run/outcome.ts'
import { createListener } from './run/watch.ts'
import { createSecrecy, type Secrecy } from './secrecy.ts'
import { openSite, type Site } from './site.ts'

/** The world that a build is given. */
export interface BuildEdges {
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Standard input, asked for when the options read from it. */
  readonly stdin?: () => NodeJS.ReadableStream
}

/** The world that a build is given, and what must not be said of it. */
export type BuildInside = BuildEdges & { readonly secrecy: Secrecy }

/** What a build made. */
export interface BuildResult {
  /** Digest of the index, or of the manifest when one platform was built and nothing is attested. */
  readonly digest: string
  readonly images: readonly {
    readonly platform: string
    readonly digest: string
    readonly strategy: string
    readonly node: string
    readonly seconds: number
  }[]
  /** Optional platforms that are missing, and why. */
  readonly missing: readonly {
    readonly platform: string
    readonly error: { readonly code: string; readonly message: string }
  }[]
  /**
   * Native toolchains that programs of emulated steps were run from, or on another node could be; `cached`: in an
   * earlier build, whose result is used.
   */
  readonly packs: readonly (UsedPack & { readonly cached: boolean })[]
  readonly tags: readonly string[]
  readonly outputs: readonly { readonly type: string; readonly dest?: string }[]
  /** Folder of the store. */
  readonly stored: string
}

/**
 * Builds one Dockerfile for every platform asked for and writes the result where the options say. Throws XbuildError.
 */
export async function build(options: BuildOptions, edges: BuildEdges): Promise<BuildResult> {
  const secrecy = createSecrecy(edges.emit)
  try {
    return await buildInside(options, { ...edges, emit: secrecy.emit, secrecy })
  } catch (error) {
    throw secrecy.error(error)
  }
}

async function buildInside(options: BuildOptions, given: BuildInside): Promise<BuildResult> {
  const started = new Date()
  const listener = createListener(given.emit)
  const { emit } = listener
  const edges = { ...given, emit }
  const { signal, stdout } = edges
  const outputs = checkOutputs(options, { stdoutIsTerminal: stdout.isTTY === true })
  await checkDestinations(outputs)
  let prepared: Prepared | undefined
  let engines: Engines | undefined
  let loads: LoadTargets | undefined
  const site = await openSite(options, edges, () => prepared?.local)
  try {
    loads = await openLoads(outputs, given)
    const allowed = mayPush(outputs, site, signal)
    const habits = openHabits(site.store)
    prepared = await prepare(options, { ...site, ...edges, last: habits.last })
    checkLoads(outputs, loads, prepared)
    engines = await openEngines(prepared, { options, outputs, edges, site })
    lookOver(prepared.targets, { baseOf: engines.baseOf, emit })
    await allowed
    const outcomes = await dispatch(prepared.plan, {
      nodes: prepared.all,
      listener,
      driverFor: engines.driverFor,
      silenceTimeout: options.silenceTimeout,
      signal,
    })
    await engines.keep(outcomes)
    const settled = settle(prepared.plan, outcomes, signal)
    for (const { image } of settled.built) site.ground.packs.add(image.packs ?? [], image.earlier !== undefined)
    const attested = await attestBuilt(options, settled, {
      prepared,
      env: given.env,
      hide: given.secrecy.text,
      started,
      signal,
    })
    const published = await publish({
      ...outputs,
      images: settled.built.map((built) => ({
        platform: built.job.target,
        image: built.image,
        attestation: attested?.of(built),
      })),
      missing: settled.missing,
      packs: site.ground.packs.all(),
      ...(attested ? { provenance: attested.summaries } : {}),
      ...(loads ? { loadTarget: loads.get } : {}),
      registry: async () => site.registry,
      stdout,
      emit,
      signal,
      ...(options.sourceDateEpoch === undefined ? {} : { sourceDateEpoch: options.sourceDateEpoch }),
      ...(options.metadataFile === undefined ? {} : { metadataFile: resolve(options.cwd, options.metadataFile) }),
      ...(options.iidFile === undefined ? {} : { iidFile: resolve(options.cwd, options.iidFile) }),
    })
    await keepInStore(site.store, published, options.tags)
    await engines.save(settled)
    await habits.remember(settled, prepared)
    await keepStoreSmall(options, site, signal)
    return resultOf(options, { settled, published, site })
  } catch (error) {
    const broken = engines?.brokenCache()
    // What was read from standard input, or written to standard output, cannot be had a second time
    const once = [
      options.context,
      options.file,
      ...options.outputs.map((output) => 'dest' in output && output.dest),
    ].includes('-')
    if (!broken || once || signal.aborted) throw error
    site.warn(`Cannot use an imported cache: ${broken.message}; building without it`)
  } finally {
    await engines?.close()
    await site.close()
    await loads?.close()
  }
  return buildInside({ ...options, cacheFrom: [] }, given)
}

/** How the images came to be, when that is asked for: code that most builds never load. */
async function attestBuilt(
  options: BuildOptions,
  { built }: Settled,
  edges: AttestEdges,
): Promise<Attested | undefined> {
  const wanted = provenanceOf(options)
  return wanted && (await import('./attest.ts')).attest(wanted, built, edges)
}

/** The engines that images are to be loaded into: code that most builds never load. */
async function openLoads({ outputs }: OutputPlan, edges: BuildEdges): Promise<LoadTargets | undefined> {
  if (!outputs.some(({ type }) => type === 'load')) return undefined
  return (await import('./nodes/load-targets.ts')).openLoadTargets(outputs, edges)
}

/** What an engine cannot hold is known before it is built. */
function checkLoads({ outputs }: OutputPlan, loads: LoadTargets | undefined, { targets }: Prepared): void {
  for (const output of outputs) if (output.type === 'load') loadable(loads!.get(output.context), targets)
}

/**
 * What `build` would do: every stage and platform with its strategy, node and reason; whether base images are there
 * and pushes allowed. Starts nothing.
 */
export async function plan(options: BuildOptions, edges: BuildEdges): Promise<BuildPlan> {
  const { checkPushes, lookUpBases } = await import('./preflight.ts')
  const outputs = checkOutputs(options, { stdoutIsTerminal: false })
  const site = await openSite(options, edges)
  try {
    const { last } = openHabits(site.store)
    const [{ plan: found, targets }, rights] = await Promise.all([
      prepare(options, { ...site, ...edges, last }),
      checkPushes(outputs, site, edges.signal),
    ])
    const bases = await lookUpBases(targets, { ...edges, options, site })
    const pushes = rights.map(({ error: _, ...right }) => right)
    return { ...found, ...(bases.length > 0 ? { bases } : {}), ...(pushes.length > 0 ? { pushes } : {}) }
  } finally {
    await site.close()
  }
}

/**
 * What `--call` asks about the Dockerfile: what checks find, what a target takes, which targets there are. Builds
 * nothing.
 */
export async function ask(question: Question, options: BuildOptions, edges: BuildEdges): Promise<Answer> {
  const site = await openSite(options, edges)
  try {
    const { inspect } = await import('./inspect.ts')
    const images = createImages({
      store: site.store,
      registry: site.registry,
      cwd: options.cwd,
      emit: edges.emit,
      pull: options.pull,
    })
    return await inspect(question, options, {
      dockerfile: await site.main.dockerfile(),
      images,
      warn: site.warn,
      signal: edges.signal,
    })
  } finally {
    await site.close()
  }
}

/** Asked while everything else is made ready; awaited before the first step. */
function mayPush(outputs: OutputPlan, site: Site, signal: AbortSignal): Promise<void> {
  if (!outputs.outputs.some(({ type }) => type === 'registry')) return Promise.resolve()
  const allowed = import('./preflight.ts').then(({ checkPushes, requirePushRights }) =>
    requirePushRights(checkPushes(outputs, site, signal)),
  )
  allowed.catch(() => undefined)
  return allowed
}

export type { BuildOptions, NamedContext }
