import type { PlatformStarts } from '../content/starts.ts'
import { randomUUID } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import type { Output } from '../config/options.ts'
import type { Emit } from '../events.ts'
import { assertNever, toXbuildError, XbuildError } from '../errors.ts'
import { writeFileAtomic } from '../host/files.ts'
import { once } from '../host/once.ts'
import { stageFile, writeFailed } from '../host/staging.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import type { Document } from '../oci/make-manifest.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { formatPlatform } from '../platform.ts'
import type { RegistryClient } from '../registry/types.ts'
import type { Store } from '../store/store.ts'
import { type FileOutput, hasDest, type OutputPlan } from './check-outputs.ts'
import { dockerTar } from './docker-tar.ts'
import { exportLocal, treeTar } from './export-tree.ts'
import type { ImageSet, PlatformImage } from './image-set.ts'
import { createSets } from './image-sets.ts'
import { layoutIndex } from './layout-files.ts'
import { loadable, type LoadTarget } from './load.ts'
import {
  imageId,
  metadataOf,
  publishedPlatforms,
  type MissingPlatform,
  type PackOfPlatform,
  type PublishedPlatform,
} from './metadata.ts'
import { moveAllTags } from './move-tags.ts'
import { writeOciFolder } from './oci-folder.ts'
import { ociTar } from './oci-tar.ts'
import { mainOutput } from './output-forms.ts'
import { namesOf } from './output-names.ts'
import { type PushOptions, upload } from './push.ts'
import type { MoveOptions, TagBefore, TagMove } from './tag-move.ts'

/** Everything that publishing needs; paths are absolute. */
export interface PublishOptions extends OutputPlan {
  /** In the order in which the platforms were asked for. */
  readonly images: readonly PlatformImage[]
  /** Optional platforms that could not be built. */
  readonly missing?: readonly MissingPlatform[]
  /** Native toolchains that made parts of the images. */
  readonly packs?: readonly PackOfPlatform[]
  /** What emulated steps started. */
  readonly starts?: readonly PlatformStarts[]
  /** How the image of each platform was made, by platform, as the metadata file tells it. */
  readonly provenance?: ReadonlyMap<string, unknown>
  /**
   * The engines that images are loaded into, by their Docker context, `undefined` for the usual one; only for
   * type=load.
   */
  readonly loadTarget?: (context: string | undefined) => LoadTarget
  /** Called once, and only for a push; whoever made the client closes it. */
  readonly registry: () => Promise<RegistryClient>
  /** Where layers that are compressed anew are kept; only for outputs with a compression. */
  readonly store?: Store
  /** What tags were when the session began, by full reference; absent: nobody asked. */
  readonly before?: (name: string) => Promise<TagBefore>
  /** Moves the tags when all is in the registries, and tells the digest of each; absent: at once. */
  readonly moveTags?: MoveTags
  /** How tags are moved where `moveTags` is absent. */
  readonly tagging?: Pick<MoveOptions, 'append' | 'force' | 'allowPlatformDrop'> | undefined
  /** Signs what a repository has, before its tags move; absent: nothing is signed. */
  readonly sign?: Sign | undefined
  readonly stdout: NodeJS.WritableStream
  /** Name of the image, where a session has several. */
  readonly image?: string
  readonly metadataFile?: string
  readonly iidFile?: string
  /** Seconds since the epoch: the time stamps in an OCI archive; absent: 0. */
  readonly sourceDateEpoch?: number
  readonly emit: Emit
  readonly signal: AbortSignal
  /** What an earlier try has done, and who is told of what this one does. */
  readonly progress?: PublishProgress
}

/** How far publishing an image has come, over several tries. */
export interface PublishProgress {
  /** Something is about to be written that was not there before. */
  begin(): Promise<void>
  /** Whether an output, as `outputText` names it, or a tag is done with: it is left alone. */
  isDone(what: string): boolean
  wrote(output: string): void
  /** The registry has the tag at that digest. */
  moved(ref: string, digest: string): void
}

/** An output as the history of runs names it. */
export function outputText(output: OutputPlan['outputs'][number]): string {
  if ('dest' in output) return `type=${output.type}, dest=${output.dest}`
  if (output.type !== 'load') return `type=${output.type}`
  const { context, names = [] } = output
  return [
    'type=load',
    ...(context === undefined ? [] : [`context=${context}`]),
    ...names.map((name) => `name=${name}`),
  ].join(', ')
}

/** Points tags at the roots of sets, and tells the digest that each has, by full reference. */
export type MoveTags = (
  moves: readonly Pick<TagMove, 'set' | 'tags'>[],
  options: PushOptions,
) => Promise<ReadonlyMap<string, Digest>>

/** Signs a manifest in a repository. */
export type Sign = (
  ref: Reference,
  root: Descriptor,
  edges: { readonly registry: RegistryClient; readonly signal: AbortSignal },
) => Promise<void>

/** One output that was written, and the names it has there. */
export type Published =
  | { readonly type: FileOutput['type']; readonly dest: string }
  /** The engine, and the names or ids that it has the image under. */
  | { readonly type: 'load'; readonly engine: string; readonly names: readonly string[] }
  /** Full references with tag and digest. */
  | { readonly type: 'registry'; readonly refs: readonly string[] }

/** What a build came to. */
export interface PublishResult {
  /** Digest of the index, or of the manifest for one platform of which nothing is attested. */
  readonly digest: string
  readonly descriptor: Descriptor
  /** The index or manifest itself. */
  readonly bytes: Buffer
  /** What was made here beside the images: manifests, configs and statements of attestations. */
  readonly attested: readonly Document[]
  /** What each platform came to. */
  readonly platforms: readonly PublishedPlatform[]
  readonly outputs: readonly Published[]
  /** What the metadata file holds. */
  readonly metadata: Readonly<Record<string, unknown>>
}

/**
 * Assembles the images and writes every output: files and folders first, then uploads, then tags, then the files that
 * tell of it.
 */
export async function publish(options: PublishOptions): Promise<PublishResult> {
  const { signal, tags } = options
  signal.throwIfAborted()
  const isIndex =
    options.images.length + (options.missing ?? []).length > 1 ||
    options.images.some(({ attestations = [] }) => attestations.some(({ form }) => form !== 'referrers'))
  const recompress = once(async () =>
    (await import('./recompress.ts')).createRecompress({ ...options, store: options.store! }),
  )
  const sets = createSets({
    images: options.images,
    platforms: [...options.images, ...(options.missing ?? [])].map(({ platform }) => platform),
    annotations: options.annotations,
    asIndex: isIndex,
    recompress: (image, compression) =>
      step(options, `compressing layers of ${formatPlatform(image.platform)} with ${compression.type}`, async () =>
        (await recompress())(image, compression),
      ),
  })
  const main = mainOutput(options.outputs)
  const names = main ? namesOf(main, tags) : tags
  const { set } = await sets(main ?? {}, names)
  const outputs: Published[] = []
  const { progress } = options
  for (const output of options.outputs) {
    const isDone = progress?.isDone(outputText(output)) === true
    if (output.type === 'load' && !isDone) await progress?.begin()
    if (output.type === 'load')
      outputs.push(
        isDone
          ? { type: 'load', engine: output.context ?? '', names: tags.map(formatReference) }
          : await loadInto(output, options, sets),
      )
    else if (!hasDest(output)) continue
    else {
      if (!isDone) await progress?.begin()
      if (!isDone)
        await step(options, `exporting to type=${output.type}, dest=${output.dest}`, () => write(output, options, sets))
      outputs.push({ type: output.type, dest: output.dest })
    }
    if (!isDone) progress?.wrote(outputText(output))
  }
  const pushes = await Promise.all(
    options.outputs.flatMap((output) => {
      if (output.type !== 'registry') return []
      const own = namesOf(output, tags)
      return [sets(output, own).then((made) => ({ ...output, set: made.set, names: own }))]
    }),
  )
  for (const one of pushes) await uploadAll(one, options)
  for (const one of pushes) await signAll(one, options)
  const digests = await tagAll(pushes, options).catch(async (error: unknown) => {
    await tellHalfMoved(error, pushes[0]!, options)
    throw error
  })
  for (const { set, names: own } of pushes) {
    const refs = own.map(formatReference).map((ref) => `${ref}@${digests.get(ref) ?? set.root.descriptor.digest}`)
    outputs.push({ type: 'registry', refs })
  }
  const platforms = publishedPlatforms(set)
  const metadata = metadataOf(set, names, { ...options, platforms })
  if (options.metadataFile !== undefined)
    await writeText(options.metadataFile, `${JSON.stringify(metadata, null, 2)}\n`)
  if (options.iidFile !== undefined) await writeText(options.iidFile, imageId(set))
  const { descriptor, bytes } = set.root
  // Those of annotations and of other forms exist nowhere else, as those of attestations
  const known = new Set(
    [...options.images.map(({ image }) => image), ...(set.attested ?? [])].map((one) => one.descriptor.digest),
  )
  const attested = [...(set.attested ?? []), ...set.manifests.filter((one) => !known.has(one.descriptor.digest))]
  return { digest: descriptor.digest, descriptor, bytes, attested, platforms, outputs, metadata }
}

type Sets = ReturnType<typeof createSets>

/** When some tags have moved and others not, the metadata file says which. */
async function tellHalfMoved(error: unknown, { set, names }: Push, options: PublishOptions): Promise<void> {
  if (!(error instanceof XbuildError) || options.metadataFile === undefined) return
  if (!error.tags?.some(({ state }) => state === 'moved')) return
  const metadata = {
    ...metadataOf(set, names, { ...options, platforms: publishedPlatforms(set) }),
    'xbuild.tags': error.tags,
  }
  await writeText(options.metadataFile, `${JSON.stringify(metadata, null, 2)}\n`)
}

async function write(output: FileOutput, options: PublishOptions, sets: Sets): Promise<void> {
  const { images, signal, tags } = options
  if (output.type === 'tar') return writeStream(output.dest, treeTar(images, { ...options, ...output }), options)
  if (output.type === 'local') return exportLocal(images, output.dest, { ...options, ...output })
  const names = namesOf(output, tags)
  if (output.type === 'docker') tellLeftOut(output.dest, options)
  const { set, annotations } = await sets(output.type === 'docker' ? { ...output, referrers: false } : output, names)
  const mtime = options.sourceDateEpoch ?? 0
  switch (output.type) {
    case 'oci': {
      const index = layoutIndex(set, names, annotations)
      if (!output.tar) return writeOciFolder(output.dest, set, { index, signal })
      return writeStream(output.dest, ociTar(set, { index, signal, mtime }), options)
    }
    case 'docker':
      return writeStream(output.dest, dockerTar(set, { tags: names, annotations, signal, mtime }), options)
    default:
      return assertNever(output)
  }
}

/**
 * Loads what the engine's store can hold: the images of all platforms, or that of its own machine, and says so.
 * Throws NODE, BAD_PLATFORM.
 */
async function loadInto(
  output: Extract<Output, { readonly type: 'load' }>,
  options: PublishOptions,
  sets: Sets,
): Promise<Published> {
  const target = options.loadTarget!(output.context)
  const { images, signal, emit } = options
  const loaded = loadable(target, images)
  if (loaded.length < images.length) {
    const state = `its image store holds one platform under one name, so only ${formatPlatform(loaded[0]!.platform)} is loaded`
    emit({ type: 'warning', message: `${target.endpoint}: ${state}`, at: Date.now() })
  }
  // An image store of one platform keeps no index, and nothing that only an index holds
  const kept = target.severalPlatforms ? loaded : loaded.map(({ platform, image }) => ({ platform, image }))
  const tags = namesOf(output, options.tags)
  tellLeftOut(target.endpoint, options)
  const { set, annotations } = await sets({ ...output, referrers: false }, tags, kept)
  let names: readonly string[] = []
  await step(options, `loading into ${target.endpoint}`, async () => {
    names = await target.load(dockerTar(set, { tags, annotations, signal, mtime: options.sourceDateEpoch ?? 0 }), {
      signal,
    })
  })
  return { type: 'load', engine: target.endpoint, names }
}

/** Docker keeps nothing of an image that its index does not name. */
function tellLeftOut(where: string, { images, emit }: PublishOptions): void {
  if (!images.some(({ attestations = [] }) => attestations.some(({ form }) => form === 'referrers'))) return
  const message = `${where}: attestations in the form of referrers are left out: Docker does not keep them`
  emit({ type: 'warning', message, at: Date.now() })
}

async function writeStream(
  dest: string,
  data: AsyncIterable<Uint8Array>,
  { stdout, signal }: PublishOptions,
): Promise<void> {
  if (dest !== '-') return stageFile(dest, data, { signal })
  try {
    await pipeline(data, stdout, { signal, end: false })
  } catch (error) {
    throw writeFailed('stdout', error)
  }
}

/** A set, and the names that it is pushed under. */
interface Push {
  readonly set: ImageSet
  readonly names: readonly Reference[]
  readonly pushByDigest?: boolean
}

/** Brings everything but the names into the registries. */
async function uploadAll({ set, names }: Push, options: PublishOptions): Promise<void> {
  const left = leftOf(names, options)
  if (left.length === 0) return
  const { emit, signal } = options
  const same: Reference[] = []
  for (const ref of left)
    if ((await options.before?.(formatReference(ref))) === set.root.descriptor.digest) same.push(ref)
  if (same.length < left.length) await options.progress?.begin()
  const client = { registry: await options.registry(), emit, signal, tagged: same }
  const refs = left.map(formatReference).join(', ')
  await step(options, `pushing layers and manifests for ${refs}`, () => upload(set, left, client))
}

/** Signs the root in each repository: no tag leads to an image that is not signed yet. */
async function signAll({ set, names }: Push, options: PublishOptions): Promise<void> {
  const { sign, signal } = options
  const left = leftOf(names, options)
  if (!sign || left.length === 0) return
  const registry = await options.registry()
  const repositories = new Map(left.map(({ host, repository }) => [`${host}/${repository}`, { host, repository }]))
  for (const [name, ref] of repositories)
    await step(options, `signing ${name}@${set.root.descriptor.digest}`, () =>
      sign(ref, set.root.descriptor, { registry, signal }),
    )
}

/** Points the names of all pushes at what was uploaded, together, unless only digests are wanted. */
async function tagAll(pushes: readonly Push[], options: PublishOptions): Promise<ReadonlyMap<string, Digest>> {
  const { emit, signal, progress } = options
  const moves = pushes.flatMap(({ set, names, pushByDigest }) => {
    const tags = pushByDigest ? [] : leftOf(names, options)
    return tags.length > 0 ? [{ set, tags }] : []
  })
  if (moves.length === 0) return new Map()
  const onMoved = (ref: string, digest: Digest) => progress?.moved(ref, digest)
  const client = { registry: await options.registry(), emit, signal, onMoved }
  const missing = (options.missing ?? []).map(({ platform }) => platform)
  const alone: MoveTags = (all, how) => moveAllTags(all.map((one) => ({ ...how, ...options.tagging, missing, ...one })))
  const refs = moves.flatMap(({ tags }) => tags.map(formatReference)).join(', ')
  return step(options, `tagging ${refs}`, () => (options.moveTags ?? alone)(moves, client))
}

/** The names that no earlier try has brought. */
function leftOf(names: readonly Reference[], { progress }: PublishOptions): readonly Reference[] {
  return names.filter((name) => progress?.isDone(formatReference(name)) !== true)
}

/** Runs one part of the work as a step that progress shows. */
async function step<T>(options: PublishOptions, name: string, work: () => Promise<T>): Promise<T> {
  const { emit } = options
  const id = `publish ${randomUUID()}`
  const platforms = options.images.map(({ platform }) => formatPlatform(platform))
  emit({
    type: 'step.start',
    step: id,
    name,
    platforms,
    ...(options.image === undefined ? {} : { images: [options.image] }),
    at: Date.now(),
  })
  try {
    const made = await work()
    emit({ type: 'step.done', step: id, cached: false, at: Date.now() })
    return made
  } catch (error) {
    emit({ type: 'step.fail', step: id, error: toXbuildError(error), at: Date.now() })
    throw error
  }
}

/** Writes a text so that no half of it is ever there. */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeFileAtomic(path, text, { fsync: false })
  } catch (error) {
    throw writeFailed(path, error)
  }
}
