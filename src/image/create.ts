import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { CreateCommand } from '../config/image-command.ts'
import type { Emit } from '../events.ts'
import { forEachLimited } from '../host/pool.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import type { Document } from '../oci/make-manifest.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import type { ImageSet } from '../publish/image-set.ts'
import type { Platform } from '../platform.ts'
import { moveAllTags } from '../publish/move-tags.ts'
import { readEarly, tagsBefore } from '../publish/tag-before.ts'
import type { TagMove } from '../publish/tag-move.ts'
import { parseAny } from '../oci/any-manifest.ts'
import { chooseEntries, makeCombined, type SourcedEntry } from './combine.ts'
import { entryOf, readRoot, withPlatform, type ReadRoot } from './entries.ts'
import { registryTarget } from './registry-target.ts'
import type { ImageRegistry } from './registry-source.ts'
import { readDocument, type ImageSource } from './source.ts'
import { createTransfer } from './transfer.ts'

/** Something that an image is put together from. */
export interface CreateSource {
  readonly source: ImageSource
  /** Out of a file: what the index is to say of the manifest. */
  readonly descriptor?: Descriptor
}

/** What is to be put together, and under which names. */
export interface CreateOptions
  extends Pick<
    CreateCommand,
    | 'tags'
    | 'platforms'
    | 'annotations'
    | 'preferIndex'
    | 'duplicates'
    | 'append'
    | 'dryRun'
    | 'force'
    | 'allowPlatformDrop'
  > {
  readonly sources: readonly CreateSource[]
  /** Optional platforms that are not there: when a tag loses them, that is only said. */
  readonly missing?: readonly Platform[]
  readonly registry: ImageRegistry
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** Sources that are read at a time. */
const READS = 6
const NOTHING = Buffer.alloc(0)

/** A source and what was read of it. */
interface Part {
  readonly read: ReadRoot
  readonly source: ImageSource
  readonly entries: readonly SourcedEntry[]
}

/**
 * Puts an index together and gives it its tags, when all that it names is in their repositories. Throws NO_PLATFORM,
 * BAD_PLATFORM, BAD_OPTION, and what registries say.
 */
export async function createImage(options: CreateOptions): Promise<ImageSet> {
  const [set] = await createImages([options])
  return set!
}

/**
 * Puts several images together; their tags move last and together, when all content is there. Throws as `createImage`,
 * with the state of each tag when only some have moved.
 */
export async function createImages(all: readonly CreateOptions[]): Promise<readonly ImageSet[]> {
  const before = all.map((one) => (isBrought(one, all.length > 1) ? tagsBefore(one.tags, one).before : undefined))
  // Where nothing is brought, the tag is read while the sources are
  const early = all.map((one, index) =>
    before[index] || one.append || one.dryRun || all.length > 1 ? undefined : readEarly(one.tags, one),
  )
  const made: Made[] = []
  for (const one of all) made.push(await putTogether(one))
  // What a registry does not take is known before the first of several tags moves
  if (all.flatMap(({ tags }) => tags).length > 1) for (const one of made) await bringRoot(one)
  const moves = made.map(
    ({ set, options }, index): TagMove => ({
      ...options,
      set,
      ...compact({ before: before[index], early: early[index] }),
      mover: 'command',
    }),
  )
  const digests = await moveAllTags(moves.filter((_, index) => !all[index]!.dryRun))
  return Promise.all(made.map((one) => (one.options.append ? appended(one, digests) : one.set)))
}

/** An image that lacks its tags only. */
interface Made {
  readonly set: ImageSet
  readonly options: CreateOptions
}

/** Makes the index, and brings what it names, and what is said of that, to where its tags will be. */
async function putTogether(options: CreateOptions): Promise<Made> {
  const { sources, signal, emit } = options
  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  if (options.append && options.tags.length === 0)
    throw new XbuildError('BAD_OPTION', 'Cannot append to an image: it has no name')
  const parts: Part[] = []
  await forEachLimited([...sources.entries()], { limit: READS, signal }, async ([index, one], inner) => {
    const read = await readSource(one, inner)
    const entries = await Promise.all(
      read.entries.map(async (entry) => ({
        ...(read.isIndex
          ? entry
          : await withPlatform(entry, { source: one.source, manifest: read.manifest, signal: inner })),
        from: one.source.name,
      })),
    )
    parts[index] = { read, source: one.source, entries }
  })
  const [first] = parts
  if (!first) throw new XbuildError('BAD_OPTION', 'Cannot create an image: no source is given')
  const chosen = chooseEntries(
    parts.flatMap(({ entries }) => entries),
    { ...options, warn },
  )
  const isCopy = !options.append && parts.length === 1 && isWhole(first.read, chosen, options)
  if (!isCopy && chosen.length === 0)
    throw new XbuildError('NO_PLATFORM', 'Cannot create an image: the sources have no image')
  const root = isCopy ? plain(first.read.root) : makeCombined(chosen, options.annotations)
  const set: ImageSet = {
    root,
    manifests: chosen.map(({ descriptor }) => ({ descriptor, bytes: NOTHING })),
    blobs: [],
  }
  if (isCopy && !options.dryRun) await bringWhole(first.source, root, options)
  else if (!options.dryRun) await bringAll(parts, chosen, options)
  return { set, options }
}

/** Brings the index or manifest itself to where its tags will be. */
async function bringRoot({ set: { root }, options }: Made): Promise<void> {
  if (options.append || options.dryRun) return
  const { registry, signal } = options
  const { digest } = root.descriptor
  for (const at of repositoriesOf(options.tags).values())
    await registry.pushManifest({ ...at, digest }, root, { signal })
}

/** What a tag names after images were added to it. */
async function appended(
  { set, options: { tags, dryRun, registry, signal } }: Made,
  digests: ReadonlyMap<string, Digest>,
): Promise<ImageSet> {
  if (dryRun) return set
  const { host, repository, tag = 'latest' } = tags.at(-1)!
  const digest = digests.get(formatReference({ host, repository, tag }))!
  const root = await registry.manifest({ host, repository, digest }, { signal, direct: true })
  return { root, manifests: [], blobs: [] }
}

/** Whether content has to be brought to the tags, which takes time: without it they are read right before they move. */
function isBrought({ sources, tags, append, dryRun, force }: CreateOptions, beside: boolean): boolean {
  if (append || dryRun || force) return false
  if (beside) return true
  const names = [...repositoriesOf(tags).keys()]
  return sources.some(({ source }) => names.some((name) => name !== source.repository))
}

async function readSource({ source, descriptor }: CreateSource, signal: AbortSignal): Promise<ReadRoot> {
  if (!descriptor) return readRoot(source, signal)
  // What a file says of a manifest is kept, where the manifest does not gainsay it
  const root = await readDocument(source, descriptor, signal)
  const manifest = parseAny(root.bytes, descriptor)
  if (manifest.manifests) return readRoot({ ...source, root: async () => root }, signal)
  return { root, manifest, isIndex: false, entries: [entryOf(descriptor)], nested: [] }
}

/** Whether the one source can be taken byte by byte. */
function isWhole(
  { isIndex, nested, entries }: ReadRoot,
  chosen: readonly SourcedEntry[],
  { annotations, preferIndex }: CreateOptions,
): boolean {
  if (annotations.length > 0 || nested.length > 0) return false
  if (!isIndex && preferIndex) return false
  return chosen.length === entries.length
}

function plain({ descriptor: { mediaType, digest, size }, bytes }: Document): Document {
  return { descriptor: { mediaType, digest, size }, bytes }
}

/** The repositories that tags are in, each once. */
function repositoriesOf(tags: readonly Reference[]): ReadonlyMap<string, Reference> {
  return new Map(tags.map(({ host, repository }) => [`${host}/${repository}`, { host, repository }]))
}

/** Brings an index or a manifest as it is, with what is said of it. */
async function bringWhole(
  source: ImageSource,
  { descriptor }: Document,
  { tags, registry, emit, signal }: CreateOptions,
): Promise<void> {
  for (const [name, at] of repositoriesOf(tags))
    if (source.repository !== name)
      await createTransfer({ source, target: registryTarget(at, registry, emit), referrers: true, emit, signal }).bring(
        [descriptor],
      )
}

/** Brings what the tags will lead to into their repositories, each once, unless it comes from there. */
async function bringAll(
  parts: readonly { readonly source: ImageSource; readonly entries: readonly SourcedEntry[] }[],
  chosen: readonly SourcedEntry[],
  { tags, registry, emit, signal }: CreateOptions,
): Promise<void> {
  const wanted = new Set(chosen.map(({ descriptor }) => descriptor.digest))
  for (const [name, at] of repositoriesOf(tags)) {
    const there = new Set(
      parts.flatMap(({ source, entries }) =>
        source.repository === name ? entries.map((one) => one.descriptor.digest) : [],
      ),
    )
    // What comes out of one repository is brought together: its tags are listed once, and nothing waits for the rest
    const others = new Map<unknown, { readonly source: ImageSource; readonly missing: Descriptor[] }>()
    for (const { source, entries } of parts) {
      if (source.repository === name) continue
      const key = source.repository ?? source
      const other = others.get(key) ?? { source, missing: [] }
      others.set(key, other)
      for (const { descriptor } of entries)
        if (wanted.has(descriptor.digest) && !there.has(descriptor.digest)) other.missing.push(descriptor)
    }
    for (const { source, missing } of others.values()) {
      if (missing.length === 0) continue
      const target = registryTarget(at, registry, emit)
      await createTransfer({ source, target, referrers: true, emit, signal }).bring(missing)
    }
  }
}
