import type { XbuildError, SourcePosition } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { ImageConfig } from '../oci/manifest.ts'
import type { Job } from '../plan/types.ts'
import type { BuildRecord } from '../provenance/facts.ts'

/** One way of building jobs on a node. Retries and recording are wrappers around this, not flags in it. */
export interface Driver {
  /**
   * Builds one platform's image, or a stage as if it were one. Rejects with an `XbuildError`; never settles before
   * its processes have ended.
   */
  build(job: Job, options: DriverOptions): Promise<BuiltImage>
  /** Releases everything the driver holds. */
  close(): Promise<void>
}

/** What every build call gets beside its job. */
export interface DriverOptions {
  readonly signal: AbortSignal
  readonly emit: Emit
  /** Stages that were built elsewhere: they are taken instead of being built again, where the driver can. */
  readonly stages?: readonly BuiltStage[]
}

/** A stage of the Dockerfile, built. */
export interface BuiltStage {
  readonly name: string
  readonly image: BuiltImage
}

/** One platform's image: its manifest descriptor and where its blobs can be read from. */
export interface BuiltImage {
  /** Descriptor of the image manifest, with `platform`. */
  readonly descriptor: Descriptor
  readonly config: ImageConfig
  readonly blobs: BlobSource
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
export interface UsedPack {
  readonly platform: string
  readonly name: string
  readonly digest: string
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

export type Emit = (event: BuildEvent) => void

/**
 * Everything that happens, as data: only `ui/` turns it into text. Times are milliseconds since the epoch; `image` and
 * `images` are there in a session with several requests.
 */
export type BuildEvent =
  | {
      readonly type: 'job.start'
      readonly job: string
      readonly image?: string
      readonly platform: string
      readonly strategy: string
      readonly node?: string
      readonly at: number
    }
  | {
      readonly type: 'job.done'
      readonly job: string
      readonly image?: string
      readonly platform: string
      readonly digest: string
      readonly at: number
    }
  | {
      readonly type: 'job.fail'
      readonly job: string
      readonly image?: string
      readonly platform: string
      readonly error: XbuildError
      readonly at: number
    }
  /** The job goes on on another node, or is tried again on the same; `because` is why it failed there. */
  | {
      readonly type: 'job.move'
      readonly job: string
      readonly image?: string
      readonly platform: string
      readonly from: string
      readonly to: string
      readonly strategy: string
      readonly because: string
      readonly at: number
    }
  | {
      readonly type: 'job.skip'
      readonly job: string
      readonly image?: string
      readonly platform: string
      readonly because: string
      readonly at: number
    }
  /**
   * A step is a vertex of the build; one step may serve several platforms. `name` is like `[linux/arm64 build 2/4]
   * RUN make`.
   */
  | {
      readonly type: 'step.start'
      readonly step: string
      readonly name: string
      readonly platforms: readonly string[]
      readonly images?: readonly string[]
      readonly source?: SourcePosition
      readonly at: number
    }
  | {
      readonly type: 'step.log'
      readonly step: string
      readonly stream: 'stdout' | 'stderr'
      readonly line: string
      readonly at: number
    }
  | { readonly type: 'step.done'; readonly step: string; readonly cached: boolean; readonly at: number }
  | { readonly type: 'step.fail'; readonly step: string; readonly error: XbuildError; readonly at: number }
  /** Bytes moved so far; `total` is absent when unknown; the last event of a transfer has `done: true`. */
  | {
      readonly type: 'transfer'
      readonly id: string
      readonly name: string
      readonly current: number
      readonly total?: number
      readonly done?: boolean
      readonly at: number
    }
  | { readonly type: 'warning'; readonly message: string; readonly source?: SourcePosition; readonly at: number }
