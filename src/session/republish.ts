import { toXbuildError, XbuildError } from '../errors.ts'
import { publish } from '../publish/publish.ts'
import { createRegistryClient } from '../registry/client.ts'
import { describeHolders, takeBuildLease } from '../store/lease.ts'
import type { Run } from '../store/runs/run-types.ts'
import type { Store } from '../store/store.ts'
import { keepInStore, publishedResult } from './keep.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { imagesOf, progressOf, readPublication, type Publication } from './publication.ts'
import { createSecrecy, type Secrecy } from './secrecy.ts'
import { createTagBarrier, type TagBarrier } from './tag-barrier.ts'
import type { Allowed, BuildEdges, BuildResult, ImageResult } from './types.ts'

/**
 * Publishes the images of a run that were built and are not published: their content is taken by digest, no file of
 * the project is read, and nothing is built. What was written and moved before is left alone; the tags of all move
 * last, together, unless others have moved one since the run began. Images that have to be built first are not in the
 * result. `allowed`: what tags may do beside what the run says.
 */
export async function republish(
  run: Run,
  store: Store,
  edges: BuildEdges & { readonly allowed?: Allowed },
): Promise<readonly ImageResult[]> {
  const open = run.images.filter(({ status }) => status !== 'done')
  const kept = await Promise.all(
    open.map(async (image) => ({ image, publication: await readPublication(store, image) })),
  )
  // One that was killed when all was done has only not said so
  if (open.length > 0 && kept.every(({ publication }) => publication === undefined)) return []
  const secrecy = createSecrecy((event) => ledger.emit(event))
  const ledger = createLedger({ ...edges, resume: { run, finished: new Map() } })
  const warn = (message: string) => secrecy.emit({ type: 'warning', message, at: Date.now() })
  const results: ImageResult[] = []
  const lease = await takeBuildLease(store.folder, {
    signal: edges.signal,
    onWait: (others) => warn(`Waiting for ${describeHolders(others)} to end`),
  })
  try {
    ledger.open(store, { images: run.images, origin: run })
    const ready = kept.flatMap(({ image, publication }) => (publication ? [{ name: image.image, publication }] : []))
    const barrier = createTagBarrier(ready.length)
    const about = { ...edges, store, ledger, secrecy, warn, barrier }
    const ended = await Promise.allSettled(
      ready.map(async ({ name, publication }) => publishOne(run, name, publication, about)),
    )
    for (const one of ended) {
      if (one.status === 'rejected') throw one.reason
      if (one.value) results.push(one.value)
    }
    ledger.end({ session: { images: results }, open: results.length < open.length })
    return results
  } catch (error) {
    ledger.end({ error: secrecy.error(error) })
    throw error
  } finally {
    lease.release()
  }
}

interface OneEdges extends BuildEdges {
  readonly allowed?: Allowed
  readonly store: Store
  readonly ledger: Ledger
  readonly secrecy: Secrecy
  readonly warn: (message: string) => void
  readonly barrier: TagBarrier
}

/** Undefined when something of the image is gone: it has to be built. Throws CANCELED. */
async function publishOne(
  run: Run,
  name: string,
  publication: Publication,
  { store, ledger, secrecy, warn, env, signal, stdout, barrier, allowed }: OneEdges,
): Promise<ImageResult | undefined> {
  const registry = createRegistryClient({ registries: publication.registries, env, onRetry: warn, hide: secrecy.hide })
  try {
    const edges = { store, registry, signal }
    const images = await imagesOf(publication, edges).catch((error: unknown) => {
      signal.throwIfAborted()
      warn(`${toXbuildError(error).message}: ${name === '' ? 'the image' : name} is built again`)
      return undefined
    })
    if (!images) return undefined
    const done = run.images.find(({ image }) => image === name)
    const missing = (publication.options.missing ?? []).map(({ platform }) => platform)
    const published = await publish({
      ...publication.options,
      images,
      registry: async () => registry,
      store,
      stdout,
      emit: secrecy.emit,
      signal,
      progress: progressOf(ledger, name, done),
      moveTags: barrier.moveTags({
        ...publication.options.tagging,
        ...allowed,
        before: async (ref) => publication.before?.[ref] ?? 'unknown',
        missing,
      }),
    })
    const { tags, options, built } = publication
    await keepInStore(store, published, { options: { tags }, outputs: options })
    const result: BuildResult = publishedResult(built, published, run.id)
    await ledger.imageDone(name, result)
    return { name, result }
  } catch (thrown) {
    barrier.ended(name, thrown)
    if (signal.aborted) throw new XbuildError('CANCELED', 'Build canceled', { cause: thrown })
    return { name, error: toXbuildError(secrecy.error(thrown)) }
  } finally {
    barrier.ended(name)
    await registry.close()
  }
}
