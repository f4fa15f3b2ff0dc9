import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { compact } from '../compact.ts'
import type { NamedContext } from '../config/options.ts'
import { parseImageConfig } from '../oci/read-image-config.ts'
import { parseManifest } from '../oci/read-manifest.ts'
import { formatReference, parseReference } from '../oci/reference.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { platformKey } from '../platform.ts'
import type { RegistryClient } from '../registry/types.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import { fingerprintOf } from './buildkit/sync/fingerprint.ts'
import type { BuiltImage, BuiltStage, FolderRead, MadeOf, UsedPack } from '../content/built-image.ts'
import { blobsOf } from '../content/image-blobs.ts'
import { layoutOrigin } from '../content/layout-origin.ts'
import type { RemoteBuild } from './remote-build.ts'
import { repositoryBlobs } from './repository-blobs.ts'
import { identityOfTarget } from './target-identity.ts'
import type { TargetBuild } from './target.ts'

/** One image of a build, as other engines get it. */
export interface ImageWork {
  readonly target: TargetBuild
  readonly build: RemoteBuild
  /** Stages that other nodes have built for it. */
  readonly stages: readonly BuiltStage[]
}

/**
 * Images that engines elsewhere have built, kept for the next run: what would become the same again is not built, nor
 * even asked for.
 */
export interface KeptImages {
  /**
   * The image of an earlier run that was made of the same. Looking costs a small file, and what it was made of is
   * looked at again.
   */
  find(work: ImageWork, signal: AbortSignal): Promise<BuiltImage | undefined>
  /**
   * Keeps an image for the next run, when what it was made of is known and can be compared. The images of a build that
   * failed elsewhere are worth more trouble (`rescue`): what their engine does not tell is found out here.
   */
  keep(
    work: ImageWork,
    image: BuiltImage,
    options: { readonly node: string; readonly rescue: boolean; readonly signal: AbortSignal },
  ): Promise<void>
}

interface Entry extends MadeOf {
  /** What the engine was told to do. */
  readonly inputs: string
  readonly node: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly packs: readonly UsedPack[]
  /** What it was made of was looked up by us: good enough for the next run after a failure, not for ever. */
  readonly rescued: boolean
  readonly descriptor: Descriptor
  /** The repository that has it, when the store has not. */
  readonly repository?: string
}

/** What was kept counts no more. */
interface Nothing {
  readonly inputs?: undefined
}

const KIND = 'finished'

export function openKeptImages({
  store,
  registry,
}: {
  readonly store: Store
  readonly registry: RegistryClient
}): KeptImages {
  return {
    async find(work, signal) {
      const entry = await store.records.get<Entry | Nothing>(KIND, identityOfTarget(work.target))
      if (entry?.inputs === undefined || entry.inputs !== (await inputsKeyOf(work, signal).catch(() => undefined)))
        return undefined
      const { node, at, packs, descriptor, repository, rescued, bases, folders } = entry
      if (!(await isSame(entry, signal).catch(() => false))) return undefined
      const image =
        repository === undefined
          ? await storedImage(descriptor, store, signal)
          : await pushedImage(descriptor, repository, signal)
      return image && { ...image, earlier: { node, at }, packs, ...(rescued ? {} : { madeOf: { bases, folders } }) }
    },
    async keep(work, image, { node, rescue, signal }) {
      const {
        madeOf = rescue ? await lookedUp(work, signal).catch(() => undefined) : undefined,
        descriptor,
        packs = [],
      } = image
      const inputs =
        madeOf && isWhole(madeOf, work) ? await inputsKeyOf(work, signal).catch(() => undefined) : undefined
      if (!madeOf || inputs === undefined) return put(work, {})
      const [repository] = (await storedImage(descriptor, store, signal)) ? [] : await image.blobs.origins(descriptor)
      const made = { node, at: Date.now(), ...image.earlier }
      const entry: Entry = {
        ...made,
        inputs,
        ...madeOf,
        descriptor,
        packs,
        rescued: !image.madeOf,
        ...compact({ repository }),
      }
      await put(work, entry)
    },
  }

  /** What cannot be kept costs the next run time, and is no reason to fail. */
  async function put({ target }: ImageWork, entry: Entry | Nothing): Promise<void> {
    await store.records.put(KIND, identityOfTarget(target), entry).catch(() => undefined)
  }

  /** Tags are asked what they say now, and folders looked through as the engine did. */
  async function isSame({ bases, folders }: MadeOf, signal: AbortSignal): Promise<boolean> {
    const tags = Object.entries(bases).map(async ([ref, digest]) => (await digestOf(ref, signal)) === digest)
    return folders.every((read) => fingerprintOf(read) === read.fingerprint) && (await Promise.all(tags)).every(Boolean)
  }

  async function digestOf(ref: string, signal: AbortSignal): Promise<string> {
    const reference = parseReference(ref)
    return reference.digest ?? (await registry.manifest(reference, { signal })).descriptor.digest
  }

  /** For engines that do not say what they read: everything that they may have read. */
  async function lookedUp(work: ImageWork, signal: AbortSignal): Promise<MadeOf> {
    const { context } = work.build
    const all = { include: [], follow: [] }
    const folders = context.kind === 'folder' ? [{ ...all, folder: context.path, exclude: context.ignore }] : []
    const bases = await Promise.all(imagesOf(work).map(async (ref) => [ref, await digestOf(ref, signal)] as const))
    return {
      bases: Object.fromEntries(bases),
      folders: folders.map((read) => ({ ...read, ...printed(fingerprintOf(read)) })),
    }
  }

  async function pushedImage(
    descriptor: Descriptor,
    repository: string,
    signal: AbortSignal,
  ): Promise<BuiltImage | undefined> {
    try {
      const blobs = repositoryBlobs(parseReference(repository), registry, signal)
      const { config } = parseManifest(await buffer(await blobs.read(descriptor)), descriptor)
      return { descriptor, config: parseImageConfig(await buffer(await blobs.read(config)), config), blobs }
    } catch {
      return undefined
    }
  }
}

function printed(fingerprint: string | undefined): Pick<FolderRead, 'fingerprint'> {
  return fingerprint === undefined ? {} : { fingerprint }
}

/** Every image is known by its digest, and no folder may have changed behind the fingerprint. */
function isWhole({ bases, folders }: MadeOf, work: ImageWork): boolean {
  return (
    imagesOf(work).every((ref) => parseReference(ref).digest ?? bases[ref]) &&
    folders.every(({ fingerprint }) => fingerprint !== undefined)
  )
}

/** Normalized references of the images that the target needs from registries. */
function imagesOf({ target: { graph, options } }: ImageWork): string[] {
  const sources = graph.stages.flatMap(({ base, froms }) => [base, ...Object.values(froms)])
  const named = Object.values<NamedContext>(options.buildContexts)
  const refs = [...sources, ...named].flatMap((source) =>
    source.kind === 'image' ? [formatReference(parseReference(source.ref))] : [],
  )
  return [...new Set(refs)]
}

/**
 * All that an engine is told, as one key; undefined for what may come out otherwise each time, or is to be done
 * whatever is known. Contents of folders, and what tags say, is not told but found by the engine.
 */
async function inputsKeyOf({ target, build, stages }: ImageWork, signal: AbortSignal): Promise<string | undefined> {
  // What only says where the result goes, how it is shown, by what way it is made, and what else is built
  const {
    platforms,
    outputs,
    tags,
    annotations,
    push,
    load,
    metadataFile,
    iidFile,
    progress,
    jobs,
    timeout,
    silenceTimeout,
    builders,
    nodes,
    registries,
    store,
    storeLimit,
    ociRuntime,
    pull,
    cacheFrom,
    provenance,
    sbom,
    attest,
    ...own
  } = target.options
  const { noCache, noCacheFilter = [], secrets, ssh, cacheTo, buildContexts, cwd } = own
  const { graph, platform } = target
  const remote = graph.stages.some(({ stage }) =>
    stage.instructions.some((one) => one.kind === 'copy' && JSON.stringify(one).includes('://')),
  )
  const foreign =
    build.dockerfile.frontend !== undefined || build.context.kind === 'archive' || build.context.kind === 'url'
  if (
    noCache ||
    noCacheFilter.length > 0 ||
    own.accel === 'verify' ||
    secrets ||
    ssh ||
    cacheTo.length > 0 ||
    remote ||
    foreign
  )
    return undefined
  // The point of such a build is the cache of the node
  if (outputs.length > 0 && outputs.every(({ type }) => type === 'cacheonly')) return undefined
  const layouts: string[] = []
  for (const [name, context] of Object.entries(buildContexts)) {
    if (context.kind === 'remote') return undefined
    if (context.kind === 'oci-layout')
      layouts.push(name, (await layoutOrigin(resolve(cwd, context.path), context.ref).root(signal)).descriptor.digest)
  }
  const handed = stages.map(({ name, image }) => [name, image.descriptor.digest])
  return keyOf([own, build.dockerfile.text, build.context, platformKey(platform), layouts, handed])
}

/** An image of the store, if all of it is there. */
async function storedImage(descriptor: Descriptor, store: Store, signal: AbortSignal): Promise<BuiltImage | undefined> {
  try {
    const manifest = parseManifest(await readFile(store.blobs.path(descriptor.digest)), descriptor)
    const config = parseImageConfig(await readFile(store.blobs.path(manifest.config.digest)), manifest.config)
    for (const layer of manifest.layers) if (!(await store.blobs.has(layer.digest, layer.size))) return undefined
    return { descriptor, config, blobs: blobsOf({ layers: [] }, { store, signal }) }
  } catch {
    return undefined
  }
}
