import { randomUUID } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import type { Emit } from '../events.ts'
import { assertNever, toXbuildError, XbuildError } from '../errors.ts'
import { writeFileAtomic } from '../host/files.ts'
import { stageFile, writeFailed } from '../host/staging.ts'
import { checkAnnotations } from '../oci/annotation.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Document } from '../oci/make-manifest.ts'
import { formatReference } from '../oci/reference.ts'
import { formatPlatform } from '../platform.ts'
import type { RegistryClient } from '../registry/types.ts'
import { type FileOutput, hasDest, type OutputPlan } from './check-outputs.ts'
import { dockerTar } from './docker-tar.ts'
import { exportLocal, treeTar } from './export-tree.ts'
import { assemble, type ImageSet, type PlatformImage } from './image-set.ts'
import { layoutIndex } from './layout-files.ts'
import { loadable, type LoadTarget } from './load.ts'
import { imageId, metadataOf, type MissingPlatform, type PackOfPlatform } from './metadata.ts'
import { moveTags } from './move-tags.ts'
import { writeOciFolder } from './oci-folder.ts'
import { ociTar } from './oci-tar.ts'
import { upload } from './push.ts'

/** Everything that publishing needs; paths are absolute. */
export interface PublishOptions extends OutputPlan {
  /** In the order in which the platforms were asked for. */
  readonly images: readonly PlatformImage[]
  /** Optional platforms that could not be built. */
  readonly missing?: readonly MissingPlatform[]
  /** Native toolchains that made parts of the images. */
  readonly packs?: readonly PackOfPlatform[]
  /** How the image of each platform was made, by platform, as the metadata file tells it. */
  readonly provenance?: ReadonlyMap<string, unknown>
  /**
   * The engines that images are loaded into, by their Docker context, `undefined` for the usual one; only for
   * type=load.
   */
  readonly loadTarget?: (context: string | undefined) => LoadTarget
  /** Called once, and only for a push; whoever made the client closes it. */
  readonly registry: () => Promise<RegistryClient>
  readonly stdout: NodeJS.WritableStream
  /** Name of the image, where a session has several. */
  readonly image?: string
  readonly metadataFile?: string
  readonly iidFile?: string
  /** Seconds since the epoch: the time stamps in an OCI archive; absent: 0. */
  readonly sourceDateEpoch?: number
  readonly emit: Emit
  readonly signal: AbortSignal
}

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
    options.images.some(({ attestations = [] }) => attestations.length > 0)
  checkAnnotations(
    options.annotations,
    [...options.images, ...(options.missing ?? [])].map(({ platform }) => platform),
    { hasIndex: isIndex },
  )
  const set = await assemble(options.images, { annotations: options.annotations, tags, asIndex: isIndex })
  const outputs: Published[] = []
  for (const output of options.outputs) {
    if (output.type === 'load') outputs.push(await loadInto(options.loadTarget!(output.context), options))
    if (!hasDest(output)) continue
    await step(options, `exporting to type=${output.type}, dest=${output.dest}`, () => write(output, set, options))
    outputs.push({ type: output.type, dest: output.dest })
  }
  if (options.outputs.some((output) => output.type === 'registry')) {
    outputs.push({ type: 'registry', refs: await push(set, options) })
  }
  const metadata = metadataOf(set, tags, options)
  if (options.metadataFile !== undefined)
    await writeText(options.metadataFile, `${JSON.stringify(metadata, null, 2)}\n`)
  if (options.iidFile !== undefined) await writeText(options.iidFile, imageId(set))
  const { descriptor, bytes } = set.root
  return { digest: descriptor.digest, descriptor, bytes, attested: set.attested ?? [], outputs, metadata }
}

async function write(output: FileOutput, set: ImageSet, options: PublishOptions): Promise<void> {
  const { images, signal, tags, annotations } = options
  switch (output.type) {
    case 'oci': {
      const index = layoutIndex(set, tags, annotations)
      if (!output.tar) return writeOciFolder(output.dest, set, { index, signal })
      return writeStream(output.dest, ociTar(set, { index, signal, mtime: options.sourceDateEpoch ?? 0 }), options)
    }
    case 'docker':
      return writeStream(
        output.dest,
        dockerTar(set, { tags, annotations, signal, mtime: options.sourceDateEpoch ?? 0 }),
        options,
      )
    case 'tar':
      return writeStream(output.dest, treeTar(images, options), options)
    case 'local':
      return exportLocal(images, output.dest, options)
    default:
      return assertNever(output)
  }
}

/**
 * Loads what the engine's store can hold: the images of all platforms, or that of its own machine, and says so.
 * Throws NODE, BAD_PLATFORM.
 */
async function loadInto(target: LoadTarget, options: PublishOptions): Promise<Published> {
  const { images, tags, annotations, signal, emit } = options
  const loaded = loadable(target, images)
  if (loaded.length < images.length) {
    const state = `its image store holds one platform under one name, so only ${formatPlatform(loaded[0]!.platform)} is loaded`
    emit({ type: 'warning', message: `${target.endpoint}: ${state}`, at: Date.now() })
  }
  // An image store of one platform keeps no index, and nothing that only an index holds
  const kept = target.severalPlatforms ? loaded : loaded.map(({ platform, image }) => ({ platform, image }))
  const set = await assemble(kept, { annotations, tags })
  let names: readonly string[] = []
  await step(options, `loading into ${target.endpoint}`, async () => {
    names = await target.load(dockerTar(set, { tags, annotations, signal, mtime: options.sourceDateEpoch ?? 0 }), {
      signal,
    })
  })
  return { type: 'load', engine: target.endpoint, names }
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

async function push(set: ImageSet, options: PublishOptions): Promise<string[]> {
  const { tags, emit, signal } = options
  const refs = tags.map(formatReference)
  if (refs.length === 0)
    throw new XbuildError('BAD_OPTION', 'Cannot push: the image has no name', {
      hint: 'Name it with --tag HOST/NAME:TAG',
    })
  const client = { registry: await options.registry(), emit, signal }
  await step(options, `pushing layers and manifests for ${refs.join(', ')}`, () => upload(set, tags, client))
  await step(options, `tagging ${refs.join(', ')}`, () => moveTags(set, tags, client))
  return refs.map((ref) => `${ref}@${set.root.descriptor.digest}`)
}

/** Runs one part of the work as a step that progress shows. */
async function step(options: PublishOptions, name: string, work: () => Promise<void>): Promise<void> {
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
    await work()
    emit({ type: 'step.done', step: id, cached: false, at: Date.now() })
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
