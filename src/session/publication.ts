import { createReadStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import type { BlobSource, BuiltImage } from '../content/built-image.ts'
import { originsOf } from '../content/origin-record.ts'
import { repositoryBlobs } from '../driver/repository-blobs.ts'
import { XbuildError } from '../errors.ts'
import { once } from '../host/once.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { parseImageConfig } from '../oci/read-image-config.ts'
import { parseManifest } from '../oci/read-manifest.ts'
import { formatReference, parseReference } from '../oci/reference.ts'
import type { PlatformImage } from '../publish/image-set.ts'
import { namesOf } from '../publish/output-names.ts'
import { outputText, type PublishOptions, type PublishProgress } from '../publish/publish-options.ts'
import type { TagBefore } from '../publish/tag-move.ts'
import type { RegistryClient } from '../registry/types.ts'
import { keyOf } from '../store/key.ts'
import { PINNED_FOR } from '../store/runs/run-folder.ts'
import type { RunImage } from '../store/runs/run-types.ts'
import type { Store } from '../store/store.ts'
import { decode, encode } from './publication-json.ts'
import type { Ledger } from './ledger.ts'
import type { BuiltPart, SessionRequest } from './types.ts'

/** The parts of `PublishOptions` that are plain data. */
export type PlainPublish = Omit<
  PublishOptions,
  | 'images'
  | 'loadTarget'
  | 'registry'
  | 'store'
  | 'stdout'
  | 'emit'
  | 'signal'
  | 'progress'
  | 'before'
  | 'moveTags'
  | 'sign'
>

/** An image that is built, and how it is published: all that another process needs to do it. */
export interface Publication {
  /** What `xbuild du` calls it. */
  readonly name: string
  readonly until: number
  readonly run: string
  readonly image: string
  readonly images: readonly (Omit<PlatformImage, 'image'> & {
    readonly descriptor: Descriptor
    /** Those that have it, when the store has not. */
    readonly repositories: readonly string[]
  })[]
  readonly options: PlainPublish
  readonly registries: SessionRequest['options']['registries']
  /** As they were asked for. */
  readonly tags: readonly string[]
  /** What tags were when the session began, by full reference. */
  readonly before?: Readonly<Record<string, TagBefore>>
  readonly built: BuiltPart
}

/**
 * Who is to be told of what is written. Before that begins the image is kept with all it needs, until it is published
 * or some days have passed: nothing is kept of one that is in its registries already. What cannot be kept costs a
 * later resume time, and is no reason to fail.
 */
export function keepPublication(
  { ledger, store }: { readonly ledger: Ledger; readonly store: Store },
  { image = '', options: { registries, tags } }: SessionRequest,
  publishOptions: PublishOptions,
  built: BuiltPart,
): PublishProgress | undefined {
  const run = ledger.id()
  const {
    images,
    loadTarget: _,
    registry: _r,
    store: _t,
    stdout: _s,
    emit: _e,
    signal: _a,
    progress: _p,
    before,
    moveTags: _m,
    sign,
    ...options
  } = publishOptions
  // What is kept has no keys: an image that is to be signed is built again, from the cache
  if (sign) return undefined
  if (run === undefined || options.outputs.every(({ type }) => type === 'cacheonly')) return undefined
  const key = keyOf([run, image])
  const begin = once(async () => {
    const kept: Publication = {
      name: `${image === '' ? '' : `${image} of `}run ${run}, not published yet`,
      until: Date.now() + PINNED_FOR,
      run,
      image,
      images: await Promise.all(
        images.map(async ({ image: { descriptor, blobs }, ...beside }) => ({
          ...beside,
          descriptor,
          repositories: (await store.blobs.has(descriptor.digest, descriptor.size))
            ? []
            : await blobs.origins(descriptor),
        })),
      ),
      options,
      registries,
      tags,
      ...(before ? { before: await tagsNow(options, before) } : {}),
      built,
    }
    await store.records.put('publications', key, encode(kept))
    const isPushed = options.outputs.some(({ type }) => type === 'registry')
    // What a tag leads to after a power cut must be known, and what waits for its push must not be lost
    ledger.note({ type: 'ready', image, publication: key }, { sync: isPushed })
  })
  return { ...progressOf(ledger, image), begin: () => begin().catch(() => undefined) }
}

/** What the tags were that are to move. */
async function tagsNow(
  { outputs, tags, tagging }: PlainPublish,
  before: NonNullable<PublishOptions['before']>,
): Promise<NonNullable<Publication['before']>> {
  if (tagging?.append || tagging?.force) return {}
  const refs = outputs.flatMap((output) =>
    output.type === 'registry' && !output.pushByDigest ? namesOf(output, tags).map(formatReference) : [],
  )
  return Object.fromEntries(await Promise.all(refs.map(async (ref) => [ref, await before(ref)] as const)))
}

/** Writes down what is written and moved; `done` tells what an earlier try did. */
export function progressOf(ledger: Ledger, image: string, done?: RunImage): PublishProgress {
  const known = new Set([...(done?.outputs ?? []), ...(done?.moved ?? []).map(({ ref }) => ref)])
  return {
    begin: async () => undefined,
    isDone: (what) => known.has(what),
    wrote: (output) => ledger.note({ type: 'output', image, output }),
    moved: (ref, digest) => ledger.note({ type: 'tag', image, ref, digest }),
  }
}

/** How an image of an earlier run is published; undefined when that is not kept any more, or cannot be done so. */
export async function readPublication(
  store: Store,
  { publication, outputs }: RunImage,
): Promise<Publication | undefined> {
  const found = publication === undefined ? undefined : await store.records.get<object>('publications', publication)
  if (!found) return undefined
  const kept = decode(found) as Publication
  if (!Array.isArray(kept.images) || !Array.isArray(kept.options?.outputs) || typeof kept.built !== 'object')
    return undefined
  // Trees come out of the engine, and engines to load into are found with the options of a build
  const left = kept.options.outputs.filter((output) => !outputs.includes(outputText(output)))
  return left.some(({ type }) => type === 'local' || type === 'tar' || type === 'load') ? undefined : kept
}

/** The images of a publication. Throws STORE when something is neither in the store nor in a repository. */
export async function imagesOf(
  { images }: Publication,
  {
    store,
    registry,
    signal,
  }: { readonly store: Store; readonly registry: RegistryClient; readonly signal: AbortSignal },
): Promise<PublishOptions['images']> {
  return Promise.all(
    images.map(async ({ descriptor, repositories, ...beside }) => {
      const blobs = recordedBlobs(repositories, { store, registry, signal })
      const manifest = parseManifest(await buffer(await blobs.read(descriptor)), descriptor)
      for (const blob of [manifest.config, ...manifest.layers])
        if (!(await store.blobs.has(blob.digest, blob.size)) && (await blobs.origins(blob)).length === 0)
          throw missing(blob)
      const config = parseImageConfig(await buffer(await blobs.read(manifest.config)), manifest.config)
      const image: BuiltImage = { descriptor, config, blobs }
      return { ...beside, image }
    }),
  )
}

/** Blobs of the store, or of a repository that is known to have them. */
function recordedBlobs(
  repositories: readonly string[],
  {
    store,
    registry,
    signal,
  }: { readonly store: Store; readonly registry: RegistryClient; readonly signal: AbortSignal },
): BlobSource {
  const origins = async ({ digest }: Descriptor) => [...new Set([...repositories, ...(await originsOf(store, digest))])]
  return {
    path: async ({ digest, size }) => ((await store.blobs.has(digest, size)) ? store.blobs.path(digest) : undefined),
    async read(descriptor) {
      const { digest, size } = descriptor
      if (await store.blobs.has(digest, size))
        return createReadStream(store.blobs.path(digest), { highWaterMark: 1 << 18 })
      let failure: unknown = missing(descriptor)
      for (const repository of await origins(descriptor)) {
        try {
          return await repositoryBlobs(parseReference(repository), registry, signal).read(descriptor)
        } catch (error) {
          failure = error
        }
      }
      throw failure
    },
    origins,
  }
}

function missing({ digest }: Descriptor): XbuildError {
  return new XbuildError('STORE', `Cannot publish ${digest}: it is no longer in the store`, {
    hint: 'Build again: xbuild makes the missing content again',
  })
}
