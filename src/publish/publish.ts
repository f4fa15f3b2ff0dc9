import {
  outputText,
  type MoveTags,
  type PublishOptions,
  type Published,
  type PublishResult,
} from './publish-options.ts'
import { step } from './publish-step.ts'
import { loadInto, writeOutput } from './write-outputs.ts'
import { XbuildError } from '../errors.ts'
import { writeFileAtomic } from '../host/files.ts'
import { once } from '../host/once.ts'
import { writeFailed } from '../host/staging.ts'
import type { Digest } from '../oci/descriptor.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { formatPlatform } from '../platform.ts'
import { hasDest } from './check-outputs.ts'
import type { ImageSet } from './image-set.ts'
import { createSets } from './image-sets.ts'
import { imageId, metadataOf, publishedPlatforms } from './metadata.ts'
import { moveAllTags } from './move-tags.ts'
import { mainOutput } from './output-forms.ts'
import { namesOf } from './output-names.ts'
import { upload } from './push.ts'

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
        await step(options, `exporting to type=${output.type}, dest=${output.dest}`, () =>
          writeOutput(output, options, sets),
        )
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

/** Writes a text so that no half of it is ever there. */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeFileAtomic(path, text, { fsync: false })
  } catch (error) {
    throw writeFailed(path, error)
  }
}
