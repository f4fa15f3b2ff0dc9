import type { PlatformStarts } from '../content/starts.ts'
import type { Emit } from '../events.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import type { Document } from '../oci/make-manifest.ts'
import type { Reference } from '../oci/reference.ts'
import type { RegistryClient } from '../registry/types.ts'
import type { Store } from '../store/store.ts'
import type { FileOutput, OutputPlan } from './check-outputs.ts'
import type { PlatformImage } from './image-set.ts'
import type { LoadTarget } from './load.ts'
import type { MissingPlatform, PackOfPlatform, PublishedPlatform } from './metadata.ts'
import type { PushOptions } from './push.ts'
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
