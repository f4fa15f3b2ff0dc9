import { setMaxListeners } from 'node:events'
import type { BuildOptions } from './config/options.ts'
import { createImages } from './content/images.ts'
import type { BuildPlan } from './plan/types.ts'
import { dispatch } from './run/dispatch.ts'
import { settle, withoutStopped } from './run/outcome.ts'
import { createListener } from './run/watch.ts'
import { checkPlaces, checkRequest, checkRequests } from './session/check-requests.ts'
import { openDrivers } from './session/drivers.ts'
import type { Answer, Question } from './session/inspect.ts'
import { keepInStore, keepStoreSmall, resultOf } from './session/keep.ts'
import { openLastNodes } from './session/last-nodes.ts'
import { checkLoads, openLoads } from './session/loads.ts'
import { openSession } from './session/open.ts'
import { runChecks } from './session/checks.ts'
import { goingOf, plannedOf, prepare } from './session/plan.ts'
import { publishImage } from './session/publish.ts'
import { createResults } from './session/results.ts'
import { createSecrecy } from './session/secrecy.ts'
import type {
  BuildEdges,
  BuildRequest,
  BuildResult,
  SessionEdges,
  SessionRequest,
  SessionResult,
} from './session/types.ts'

/**
 * Builds one Dockerfile for every platform asked for and writes the result where the options say: a session with one
 * request. Throws XbuildError.
 */
export async function build(options: BuildOptions, edges: BuildEdges): Promise<BuildResult> {
  const { images } = await runSession([checkRequest(options, edges)], edges)
  return images[0]!.result!
}

/**
 * Builds several images in one session: equal steps run once, and an image may be made from another one (a named
 * context of kind `target`). An image that fails has its error in the result and does not take the others with it.
 * Throws BAD_OPTION when the requests do not go together, and CANCELED.
 */
export async function buildAll(requests: readonly BuildRequest[], edges: BuildEdges): Promise<SessionResult> {
  return runSession(checkRequests(requests, edges), edges)
}

/** Runs a session out of which nothing secret comes: not in events, nor in errors. */
async function runSession(requests: readonly SessionRequest[], edges: BuildEdges): Promise<SessionResult> {
  const secrecy = createSecrecy(edges.emit)
  try {
    const { images } = await walk(requests, { ...edges, emit: secrecy.emit, secrecy })
    for (const { error } of images) if (error) secrecy.error(error)
    return { images }
  } catch (error) {
    throw secrecy.error(error)
  }
}

/** The street: open, requests, plan, dispatch, publish, close. */
async function walk(asked: readonly SessionRequest[], given: SessionEdges): Promise<SessionResult> {
  const started = new Date()
  const stop = new AbortController()
  const failed = () => given.failFast && stop.abort()
  const listener = createListener((event) => {
    given.emit(event)
    if (event.type === 'job.fail') failed()
  })
  const signal = AbortSignal.any([given.signal, stop.signal])
  // Every step and job of every image listens
  setMaxListeners(0, signal)
  const edges = { ...given, signal, emit: listener.emit }
  const { emit } = edges
  await checkPlaces(asked)
  const session = await openSession(asked, edges)
  const { requests } = session
  const results = createResults(requests, given.signal, failed)
  try {
    const loads = session.own(await openLoads(requests, edges))
    const pushRights = await askPushRights(session, signal)
    const lastNodes = openLastNodes(session.store)

    const prepared = await prepare(session, results, { ...edges, last: lastNodes.last })
    const { targets, plan } = prepared
    await results.each(async (request) => checkLoads(request, loads, targets))

    const drivers = session.own(await openDrivers(session, prepared, edges))
    await results.each(async ({ image }) => runChecks(targets, { image, baseOf: drivers.baseOf, emit }))
    await results.each(pushRights)
    const outcomes = await dispatch(goingOf(plan, results), {
      nodes: prepared.all,
      listener,
      driverFor: drivers.driverFor,
      silenceTimeout: session.options.silenceTimeout,
      signal,
    })
    await drivers.keep(outcomes)

    await results.each(async (request) => {
      const { image, options } = request
      const own = outcomes.filter(({ job }) => job.image === image)
      const planned = plannedOf(plan, image)
      const ended = stop.signal.aborted ? withoutStopped(planned, own) : ([planned, own] as const)
      const settled = settle(...ended, given.signal)
      for (const { job, image: built } of settled.built)
        session.services.packs.add(
          built.packs ?? [],
          built.earlier !== undefined,
          job.image === undefined ? [] : [job.image],
        )
      const published = await publishImage(session, request, settled, {
        ...edges,
        hide: edges.secrecy.text,
        prepared,
        loads,
        started,
      })
      await keepInStore(session.store, published, options.tags)
      await drivers.save(request, settled)
      await lastNodes.remember(settled, prepared)
      results.done(image, resultOf(request, { settled, published, session }))
    })
    await keepStoreSmall(session, signal)
    return { images: results.all() }
  } catch (error) {
    if (stop.signal.aborted && !given.signal.aborted) return { images: results.all() }
    const broken = session.brokenCache()
    if (!broken || readsOnce(requests) || signal.aborted) throw error
    session.warn(`Cannot use an imported cache: ${broken.message}; building without it`)
  } finally {
    await session.close()
  }
  return walk(requests.map(withoutCache), given)
}

/** What was read from standard input, or written to standard output, cannot be had a second time. */
function readsOnce(requests: readonly SessionRequest[]): boolean {
  return requests.some(({ options: { context, file, outputs } }) =>
    [context, file, ...outputs.map((output) => 'dest' in output && output.dest)].includes('-'),
  )
}

function withoutCache(request: SessionRequest): SessionRequest {
  return { ...request, options: { ...request.options, cacheFrom: [] } }
}

/**
 * What `build` would do: every stage and platform with its strategy, node and reason; whether base images are there
 * and pushes allowed. Starts nothing.
 */
export async function plan(options: BuildOptions, edges: BuildEdges): Promise<BuildPlan> {
  return planSession([checkRequest(options, { stdout: NOWHERE })], edges)
}

/** What `buildAll` would do, as one plan: it has `images`, and its jobs name theirs. */
export async function planAll(requests: readonly BuildRequest[], edges: BuildEdges): Promise<BuildPlan> {
  return planSession(checkRequests(requests, { stdout: NOWHERE }), edges)
}

async function planSession(asked: readonly SessionRequest[], edges: BuildEdges): Promise<BuildPlan> {
  const { checkPushes, lookUpBases } = await import('./session/preflight.ts')
  const session = await openSession(asked, edges)
  const { requests } = session
  const results = createResults(requests, edges.signal)
  try {
    const { last } = openLastNodes(session.store)
    const [{ plan: found, targets }, rights] = await Promise.all([
      prepare(session, results, { ...edges, last }),
      checkPushes(
        requests.map(({ outputs }) => outputs),
        session,
        edges.signal,
      ),
    ])
    const bases = await lookUpBases(targets, { ...edges, session })
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
  const session = await openSession(
    [{ image: undefined, options, outputs: { outputs: [], tags: [], annotations: [] } }],
    edges,
  )
  const request = session.requests[0]!
  try {
    const { inspect } = await import('./session/inspect.ts')
    const images = createImages({
      store: session.store,
      registry: session.registry,
      cwd: options.cwd,
      emit: edges.emit,
      pull: options.pull,
    })
    const main = await session.contextOf(request)
    return await inspect(question, request.options, {
      dockerfile: await main.dockerfile(),
      images,
      warn: session.warn,
      signal: edges.signal,
    })
  } finally {
    await session.close()
  }
}

/** The library's `askPushRights` is code that only pushes load. */
async function askPushRights(
  session: Parameters<typeof import('./session/preflight.ts').askPushRights>[0],
  signal: AbortSignal,
): Promise<(request: SessionRequest) => Promise<void>> {
  const pushes = session.requests.some(({ outputs }) => outputs.outputs.some(({ type }) => type === 'registry'))
  if (!pushes) return async () => undefined
  return (await import('./session/preflight.ts')).askPushRights(session, signal)
}

/** A plan writes no results. */
const NOWHERE = { isTTY: false } as BuildEdges['stdout']

export type { BuildEdges, BuildOptions, BuildRequest, BuildResult, SessionResult }
