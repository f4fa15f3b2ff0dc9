import { compact } from '../compact.ts'
import type { BuildResult, BuiltPart, SessionRequest } from './types.ts'
import { createSnapshotAccess } from '../engine/snapshot-access.ts'
import { strategyOf, strategyUsed } from '../plan/strategy-of.ts'
import { formatPlatform } from '../platform.ts'
import { danglingName, storeNames } from '../publish/output-names.ts'
import type { PublishResult } from '../publish/publish-options.ts'
import type { Settled } from '../run/outcome.ts'
import { sizeOfImage } from './image-size.ts'
import type { Session } from './open.ts'
import { keyOf } from '../store/key.ts'
import { keepWithin } from '../store/limit.ts'
import type { Store } from '../store/store.ts'

/** The index stays in the store under its tags, whatever else was done with it. */
export async function keepInStore(
  store: Store,
  { descriptor, bytes, attested }: PublishResult,
  {
    options,
    outputs: { outputs },
  }: {
    readonly options: Pick<SessionRequest['options'], 'tags'>
    readonly outputs: Pick<SessionRequest['outputs'], 'outputs'>
  },
): Promise<void> {
  const tags = storeNames({ tags: options.tags, outputs })
  for (const document of attested) await store.blobs.put(document.bytes, document.descriptor.mediaType)
  await store.blobs.put(bytes, descriptor.mediaType)
  // Without a name it stays until the next prune
  const name = danglingName(outputs, descriptor.digest)
  if (tags.length === 0)
    await store.records.put('images', keyOf(descriptor.digest), { ...compact({ name }), descriptor })
  for (const tag of tags) await store.records.put('images', keyOf(tag), { tag, descriptor })
}

/** Removes what was not used for longest, when the store holds more than it may. */
export async function keepStoreSmall(
  { options: { storeLimit }, store, services, lease, warn }: Session,
  signal: AbortSignal,
): Promise<void> {
  if (storeLimit === undefined) return
  lease.release()
  const warning = await keepWithin(store.folder, storeLimit, createSnapshotAccess(services.workers, signal))
  if (warning !== undefined) warn(warning)
}

/** What the caller of a build is told, as far as it is known before the image is published. */
export async function builtPart(
  { image, options, outputs: { outputs } }: SessionRequest,
  settled: Settled,
  session: Session,
): Promise<BuiltPart> {
  const packs = session.services.packs.all(image)
  const sizes = await Promise.all(settled.built.map(({ image: built }) => sizeOfImage(built)))
  return {
    images: settled.built.map(({ job, image: built, seconds }, at) => {
      const usedTwins = packs.some(({ platform }) => platform === formatPlatform(job.target))
      return {
        platform: formatPlatform(job.target),
        digest: built.descriptor.digest,
        strategy: strategyUsed(strategyOf(job), usedTwins),
        node: job.decision.strategy.node,
        seconds,
        ...compact({ size: sizes[at] }),
      }
    }),
    missing: settled.missing.map(({ platform, error: { code, message } }) => ({
      platform: formatPlatform(platform),
      error: { code, message },
    })),
    packs,
    starts: session.services.starts.all(image),
    tags: storeNames({ tags: options.tags, outputs }),
    stored: session.store.folder.root,
  }
}

/** The result of an image that is built and published: annotations and outputs may have changed what was built. */
export function publishedResult(
  built: BuiltPart,
  { digest, platforms, outputs, metadata }: PublishResult,
  run: string | undefined,
): BuildResult {
  const images = built.images.map((image) => ({
    ...image,
    digest: platforms.find(({ platform }) => platform === image.platform)?.digest ?? image.digest,
  }))
  return { ...compact({ run }), ...built, digest, images, outputs, metadata }
}
