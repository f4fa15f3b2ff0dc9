import { XbuildError } from '../errors.ts'
import type { CreateCommand } from '../config/image-command.ts'
import type { Emit } from '../events.ts'
import { forEachLimited } from '../host/pool.ts'
import { annotationsFor, checkAnnotations } from '../oci/annotation.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Document } from '../oci/make-manifest.ts'
import type { Reference } from '../oci/reference.ts'
import type { ImageSet } from '../publish/image-set.ts'
import { appendToTag } from '../publish/append-tag.ts'
import { moveTags } from '../publish/move-tags.ts'
import { tagsBefore } from '../publish/tag-before.ts'
import { parseAny } from '../oci/any-manifest.ts'
import { annotatedEntries, chooseEntries, makeCombined, type SourcedEntry } from './combine.ts'
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
  readonly registry: ImageRegistry
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** Sources that are read at a time. */
const READS = 6

/**
 * Puts an index together and gives it its tags, when all that it names is in their repositories. Throws NO_PLATFORM,
 * BAD_PLATFORM, BAD_OPTION, and what registries say.
 */
export async function createImage(options: CreateOptions): Promise<ImageSet> {
  const { sources, signal, emit } = options
  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  const before = isBrought(options) ? tagsBefore(options.tags, options) : undefined
  const parts: { readonly read: ReadRoot; readonly source: ImageSource; readonly entries: readonly SourcedEntry[] }[] =
    []
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
  if (options.append) return appendAll(parts, chosen, options)
  const isCopy = parts.length === 1 && isWhole(first.read, chosen, options)
  if (!isCopy && chosen.length === 0)
    throw new XbuildError('NO_PLATFORM', 'Cannot create an image: the sources have no image')
  const root = isCopy ? plain(first.read.root) : makeCombined(chosen, options.annotations)
  const set: ImageSet = {
    root,
    manifests: chosen.map(({ descriptor }) => ({ descriptor, bytes: Buffer.alloc(0) })),
    blobs: [],
  }
  if (options.dryRun) return set
  if (isCopy) await bringWhole(first.source, root, options)
  else await bringAll(parts, chosen, options)
  await moveTags(set, options.tags, { ...options, ...(before ? { before } : {}), mover: 'command' })
  return set
}

/** Whether content has to be brought to the tags, which takes time: without it they are read right before they move. */
function isBrought({ sources, tags, append, dryRun, force }: CreateOptions): boolean {
  if (append || dryRun || force) return false
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

/** Adds the images to each tag, whoever else does that at the same time. */
async function appendAll(
  parts: readonly { readonly source: ImageSource; readonly entries: readonly SourcedEntry[] }[],
  chosen: readonly SourcedEntry[],
  options: CreateOptions,
): Promise<ImageSet> {
  const { tags, annotations, registry, emit, signal } = options
  checkAnnotations(
    annotations,
    chosen.flatMap(({ platform }) => (platform ? [platform] : [])),
    { hasIndex: true },
  )
  await bringAll(parts, chosen, options)
  const entries = annotatedEntries(chosen, annotations)
  const onIndex = annotationsFor(annotations, 'index')
  let last: Document | undefined
  for (const { host, repository, tag = 'latest' } of tags) {
    const how = { registry, emit, signal, annotations: onIndex }
    const { digest } = await appendToTag({ host, repository, tag }, entries, how)
    last = await registry.manifest({ host, repository, digest }, { signal, direct: true })
  }
  if (!last) throw new XbuildError('BAD_OPTION', 'Cannot append to an image: it has no name')
  return { root: last, manifests: [], blobs: [] }
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
    for (const { source, entries } of parts) {
      if (source.repository === name) continue
      const missing = entries.filter(({ descriptor: { digest } }) => wanted.has(digest) && !there.has(digest))
      if (missing.length === 0) continue
      const target = registryTarget(at, registry, emit)
      await createTransfer({ source, target, referrers: true, emit, signal }).bring(
        missing.map(({ descriptor }) => descriptor),
      )
    }
  }
}
