import { resolve } from 'node:path'
import { provenanceOf } from './config/attest.ts'
import type { BuildOptions, NamedContext } from './config/options.ts'
import type { Attested, AttestEdges } from './session/attest.ts'
import { createImages } from './driver/embedded/images.ts'
import { openDrivers, type Drivers } from './session/drivers.ts'
import { keepInStore, keepStoreSmall, resultOf } from './session/keep.ts'
import { openLastNodes } from './session/last-nodes.ts'
import type { Answer, Question } from './session/inspect.ts'
import type { BuildPlan } from './plan/types.ts'
import { runChecks, prepare, type Prepared } from './session/plan.ts'
import type { LoadTargets } from './nodes/load-targets.ts'
import { checkDestinations, checkOutputs, type OutputPlan } from './publish/check-outputs.ts'
import { loadable } from './publish/load.ts'
import { publish } from './publish/publish.ts'
import { dispatch } from './run/dispatch.ts'
import { settle, type Settled } from './run/outcome.ts'
import { createListener } from './run/watch.ts'
import { openSession, type Session } from './session/open.ts'
import type { BuildEdges, BuildResult } from './session/types.ts'

/**
 * Builds one Dockerfile for every platform asked for and writes the result where the options say. Throws XbuildError.
 */
export async function build(options: BuildOptions, given: BuildEdges): Promise<BuildResult> {
  const started = new Date()
  const listener = createListener(given.emit)
  const { emit } = listener
  const edges = { ...given, emit }
  const { signal, stdout } = edges
  const outputs = checkOutputs(options, { stdoutIsTerminal: stdout.isTTY === true })
  await checkDestinations(outputs)
  let prepared: Prepared | undefined
  let drivers: Drivers | undefined
  let loads: LoadTargets | undefined
  const session = await openSession(options, edges, () => prepared?.local)
  try {
    loads = await openLoads(outputs, given)
    const allowed = mayPush(outputs, session, signal)
    const lastNodes = openLastNodes(session.store)
    prepared = await prepare(options, { ...session, ...edges, last: lastNodes.last })
    checkLoads(outputs, loads, prepared)
    drivers = await openDrivers(prepared, { options, outputs, edges, session })
    runChecks(prepared.targets, { baseOf: drivers.baseOf, emit })
    await allowed
    const outcomes = await dispatch(prepared.plan, {
      nodes: prepared.all,
      listener,
      driverFor: drivers.driverFor,
      silenceTimeout: options.silenceTimeout,
      signal,
    })
    await drivers.keep(outcomes)
    const settled = settle(prepared.plan, outcomes, signal)
    for (const { image } of settled.built) session.ground.packs.add(image.packs ?? [], image.earlier !== undefined)
    const attested = await attestBuilt(options, settled, { prepared, env: given.env, started, signal })
    const published = await publish({
      ...outputs,
      images: settled.built.map((built) => ({
        platform: built.job.target,
        image: built.image,
        attestation: attested?.of(built),
      })),
      missing: settled.missing,
      packs: session.ground.packs.all(),
      ...(attested ? { provenance: attested.summaries } : {}),
      ...(loads ? { loadTarget: loads.get } : {}),
      registry: async () => session.registry,
      stdout,
      emit,
      signal,
      ...(options.sourceDateEpoch === undefined ? {} : { sourceDateEpoch: options.sourceDateEpoch }),
      ...(options.metadataFile === undefined ? {} : { metadataFile: resolve(options.cwd, options.metadataFile) }),
      ...(options.iidFile === undefined ? {} : { iidFile: resolve(options.cwd, options.iidFile) }),
    })
    await keepInStore(session.store, published, options.tags)
    await drivers.save(settled)
    await lastNodes.remember(settled, prepared)
    await keepStoreSmall(options, session, signal)
    return resultOf(options, { settled, published, session })
  } catch (error) {
    const broken = drivers?.brokenCache()
    // What was read from standard input, or written to standard output, cannot be had a second time
    const once = [
      options.context,
      options.file,
      ...options.outputs.map((output) => 'dest' in output && output.dest),
    ].includes('-')
    if (!broken || once || signal.aborted) throw error
    session.warn(`Cannot use an imported cache: ${broken.message}; building without it`)
  } finally {
    await drivers?.close()
    await session.close()
    await loads?.close()
  }
  return build({ ...options, cacheFrom: [] }, given)
}

/** How the images came to be, when that is asked for: code that most builds never load. */
async function attestBuilt(
  options: BuildOptions,
  { built }: Settled,
  edges: AttestEdges,
): Promise<Attested | undefined> {
  const wanted = provenanceOf(options)
  return wanted && (await import('./session/attest.ts')).attest(wanted, built, edges)
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
  const { checkPushes, lookUpBases } = await import('./session/preflight.ts')
  const outputs = checkOutputs(options, { stdoutIsTerminal: false })
  const session = await openSession(options, edges)
  try {
    const { last } = openLastNodes(session.store)
    const [{ plan: found, targets }, rights] = await Promise.all([
      prepare(options, { ...session, ...edges, last }),
      checkPushes(outputs, session, edges.signal),
    ])
    const bases = await lookUpBases(targets, { ...edges, options, session })
    const pushes = rights.map(({ error: _, ...right }) => right)
    return { ...found, ...(bases.length > 0 ? { bases } : {}), ...(pushes.length > 0 ? { pushes } : {}) }
  } finally {
    await session.close()
  }
}

/**
 * What `--call` asks about the Dockerfile: what checks find, what a target takes, which targets there are. Builds
 * nothing.
 */
export async function ask(question: Question, options: BuildOptions, edges: BuildEdges): Promise<Answer> {
  const session = await openSession(options, edges)
  try {
    const { inspect } = await import('./session/inspect.ts')
    const images = createImages({
      store: session.store,
      registry: session.registry,
      cwd: options.cwd,
      emit: edges.emit,
      pull: options.pull,
    })
    return await inspect(question, options, {
      dockerfile: await session.main.dockerfile(),
      images,
      warn: session.warn,
      signal: edges.signal,
    })
  } finally {
    await session.close()
  }
}

/** Asked while everything else is made ready; awaited before the first step. */
function mayPush(outputs: OutputPlan, session: Session, signal: AbortSignal): Promise<void> {
  if (!outputs.outputs.some(({ type }) => type === 'registry')) return Promise.resolve()
  const allowed = import('./session/preflight.ts').then(({ checkPushes, requirePushRights }) =>
    requirePushRights(checkPushes(outputs, session, signal)),
  )
  allowed.catch(() => undefined)
  return allowed
}

export type { BuildEdges, BuildOptions, BuildResult, NamedContext }
