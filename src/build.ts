import type { BuildOptions } from './config/options.ts'
import { dispatch } from './run/dispatch.ts'
import { openWithPlatforms } from './session/all-platforms.ts'
import { auditImages } from './session/audit.ts'
import { checkAsked, checkPlaces, isMany } from './session/check-requests.ts'
import { runChecks } from './session/checks.ts'
import { openDrivers } from './session/drivers.ts'
import { beside } from './session/beside.ts'
import { withDefaultEdges } from './session/edges.ts'
import { isBrokenCache, withoutCaches } from './session/imported-caches.ts'
import { builtPart, keepInStore, keepStoreSmall, publishedResult } from './session/keep.ts'
import { createLedger, type Ledger } from './session/ledger.ts'
import { beginOf } from './session/ledger-origin.ts'
import { openLastNodes } from './session/last-nodes.ts'
import { checkLoads, openLoads } from './session/loads.ts'
import { goingOf, prepare } from './session/plan.ts'
import { publishImage } from './session/publish.ts'
import { startPushChecks } from './session/push-checks.ts'
import { buildAgain, checkReproduced } from './session/reproduce.ts'
import { createResults } from './session/results.ts'
import { withSecrecy, type SessionEdges } from './session/secrecy.ts'
import { settleImage } from './session/settle.ts'
import { whatIsLeft } from './session/resumed.ts'
import { openSigners } from './session/sign.ts'
import { createStop } from './session/stop.ts'
import { checkTests, testImages } from './session/test.ts'
import { eachWithTags } from './session/with-tags.ts'
import type { BuildEdges, BuildRequest, BuildResult, SessionRequest, SessionResult } from './session/types.ts'

/**
 * Builds one Dockerfile for every platform asked for and writes the result where the options say: a session with one
 * request. Throws XbuildError.
 */
export function build(options: BuildOptions, edges?: Partial<BuildEdges>): Promise<BuildResult>
/**
 * Builds several images in one session: equal steps run once, and an image may be made from another one (a named
 * context of kind `target`). An image that fails has its error in the result and does not take the others with it.
 * Throws BAD_OPTION when the requests do not go together, and CANCELED.
 */
export function build(requests: readonly BuildRequest[], edges?: Partial<BuildEdges>): Promise<SessionResult>
export async function build(
  asked: BuildOptions | readonly BuildRequest[],
  given: Partial<BuildEdges> = {},
): Promise<BuildResult | SessionResult> {
  const edges = withDefaultEdges(given)
  const session = await buildSession(checkAsked(asked, edges), edges)
  return isMany(asked) ? session : session.images[0]!.result!
}

/** Runs the street once more without imported caches when one of them turns out to be broken. */
async function buildSession(asked: readonly SessionRequest[], edges: BuildEdges): Promise<SessionResult> {
  const { requests, whole } = whatIsLeft(asked, edges.resume)
  const ledger = createLedger(edges)
  try {
    const session = await withSecrecy({ ...edges, emit: ledger.emit }, async (kept) => {
      try {
        return await street(requests, { ...kept, ledger })
      } catch (error) {
        if (!isBrokenCache(error)) throw error
        return street(withoutCaches(requests), { ...kept, ledger })
      }
    })
    const all = whole(session)
    ledger.end({ session: all })
    return all
  } catch (error) {
    ledger.end({ error })
    throw error
  }
}

/** The street: open, requests, plan, dispatch, publish, close. */
async function street(
  asked: readonly SessionRequest[],
  given: SessionEdges & { readonly ledger: Ledger },
): Promise<SessionResult> {
  const started = new Date()
  const stop = createStop(given)
  const { ledger } = given
  const edges = { ...given, signal: stop.signal, emit: stop.emit }

  await checkPlaces(asked, edges.signal)
  const session = await openWithPlatforms(asked, edges)
  const { requests } = session
  const results = createResults(requests, given.signal, stop.onFail)
  try {
    ledger.open(session.store, beginOf(requests, edges))
    const signerOf = await openSigners(requests, edges)
    const loads = session.own(await openLoads(requests, edges))
    const pushChecks = await startPushChecks(session, edges)
    const lastNodes = openLastNodes(session.store)

    const prepared = await prepare(session, results, { ...edges, last: lastNodes.last })
    ledger.planned(prepared.plan)
    await results.each(async (request) => checkLoads(request, loads, prepared.targets))
    const drivers = session.own(await openDrivers(session, prepared, { ...edges, beforeWork: pushChecks.beforeWork }))
    await results.each(async (request) => runChecks(request, prepared, { ...edges, baseOf: drivers.baseOf }))
    await results.each(async (request) => pushChecks.allowed(request))
    await results.each(async (request) => checkTests(request, prepared, prepared.targets))

    const outcomes = await dispatch(goingOf(prepared.plan, results), {
      nodes: prepared.all,
      listener: stop.listener,
      driverFor: drivers.driverFor,
      ...{ silenceTimeout: session.options.silenceTimeout, jobs: session.options.jobs },
      signal: stop.signal,
    })
    await drivers.keep(outcomes)
    await results.each(async (request) => pushChecks.answered(request))
    const again = await buildAgain(session, { prepared, results, outcomes, ...edges })

    const { gate } = pushChecks
    await eachWithTags(results, gate, async (request) => {
      const settled = settleImage(session, request, { plan: prepared.plan, outcomes, stop })
      await checkReproduced(request, settled, { ...edges, ...prepared, again, store: session.store })
      await auditImages(request, settled, { ...edges, store: session.store, targets: prepared.targets })
      await testImages(request, settled, { ...edges, ...prepared, drivers, services: session.services })
      const part = await builtPart(request, settled, session)
      const published = await beside(drivers.save(request, settled), async () => {
        const about = { ...edges, prepared, loads, started, gate, part, sign: signerOf(request) }
        const image = await publishImage(session, request, settled, about)
        await keepInStore(session.store, image, request)
        return image
      })
      await lastNodes.remember(settled, prepared)
      const result = publishedResult(part, published, ledger.id())
      await ledger.imageDone(request.image, result)
      results.done(request.image, result)
    })
    await keepStoreSmall(session, stop.signal)
    return { images: results.all() }
  } catch (error) {
    if (stop.byFailure()) return { images: results.all() }
    throw session.blame(error)
  } finally {
    await session.close()
  }
}

export type { BuildEdges, BuildOptions, BuildRequest, BuildResult, SessionResult }
