import type { Descriptor } from '../oci/descriptor.ts'
import type { ImageConfig } from '../oci/manifest.ts'
import type { BuildRecord, NamedPack } from '../provenance/facts.ts'
import type { Layer } from './layer-chain.ts'

/** One platform's image: its manifest descriptor and where its blobs can be read from. */
export interface BuiltImage {
  /** Descriptor of the image manifest, with `platform`. */
  readonly descriptor: Descriptor
  readonly config: ImageConfig
  readonly blobs: BlobSource
  /** How many of the layers, from below, are those of the base image; absent: nobody knows. */
  readonly baseLayers?: number
  /** Its layers as the engine of this machine has them, when it built the image. */
  readonly chain?: readonly Layer[]
  /** Native toolchains that emulated steps of it were given. */
  readonly packs?: readonly UsedPack[]
  /** How it came to be, when the driver knows; everything was found out on the way. */
  record?(options: { signal: AbortSignal }): Promise<BuildRecord>
  /** What an engine elsewhere made it of, as far as it tells. */
  readonly madeOf?: MadeOf
  /** It is that of an earlier run, on a node, at a time (milliseconds since the epoch): nothing has changed since. */
  readonly earlier?: { readonly node: string; readonly at: number }
  /** Writes the merged file system of the image as a tar stream, when the driver can. */
  exportTree?(options: { signal: AbortSignal }): Promise<NodeJS.ReadableStream>
}

/** A stage of the Dockerfile, built. */
export interface BuiltStage {
  readonly name: string
  readonly image: BuiltImage
}

/** What the result of an engine elsewhere depends on, beside what it was told to do. */
export interface MadeOf {
  /** Base images as the engine found them: digests by normalized reference. */
  readonly bases: Readonly<Record<string, string>>
  readonly folders: readonly FolderRead[]
}

/**
 * What an engine wanted to know of a folder of this machine: patterns, in BuildKit's words; and the fingerprint of
 * the answer.
 */
export interface FolderRead {
  readonly folder: string
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  /** Paths whose links are followed. */
  readonly follow: readonly string[]
  /** Absent when something changed so shortly before that a further change might not show. */
  readonly fingerprint?: string
}

/** A pack of native toolchains in the steps of a platform. */
export interface UsedPack extends NamedPack {
  readonly platform: string
  /** Digest of the image, of another platform in the index of one that the step is made from, that it was taken from. */
  readonly sibling?: string
  /** Its programs stand in for those of the image, with `--accel=speculate` only. */
  readonly speculated?: true
  /** The node whose steps could start programs from it; absent: the engine of this machine saw that they did. */
  readonly node?: string
}

/** Content by digest, wherever it lies. */
export interface BlobSource {
  /** A file that holds exactly these bytes, if the content is on this machine. */
  path(descriptor: Descriptor): Promise<string | undefined>
  /** The bytes as a stream. */
  read(descriptor: Descriptor): Promise<NodeJS.ReadableStream>
  /** Repositories (host/name) that are known to hold the content: a push mounts it from there. */
  origins(descriptor: Descriptor): Promise<readonly string[]>
}
