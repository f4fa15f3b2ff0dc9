import type { BuildOptions, CompleteOptions } from '../config/options.ts'
import type { Emit } from '../events.ts'
import type { UsedPack } from '../content/built-image.ts'
import type { PlatformStarts } from '../content/starts.ts'
import type { XbuildError } from '../errors.ts'
import type { OutputPlan } from '../publish/check-outputs.ts'
import type { MoveOptions } from '../publish/tag-move.ts'
import type { Run } from '../store/runs/run-types.ts'

/** The world that a build is given. */
export interface BuildEdges {
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Variables that secrets are taken from; absent: `env`. */
  readonly secretEnv?: Readonly<Record<string, string | undefined>>
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Standard input, asked for when the options read from it. */
  readonly stdin?: () => NodeJS.ReadableStream
  /** The first image that fails ends the others, too. */
  readonly failFast?: boolean
  /** How the command was called, for the history of runs; absent: the library was. */
  readonly invocation?: Invocation
  /** The run that it goes on with: what that has finished is left alone. */
  readonly resume?: Resume
}

/** A run that a session goes on with. */
export interface Resume {
  readonly run: Run
  /** Results of the images that it has finished, by name. */
  readonly finished: ReadonlyMap<string, BuildResult>
  /** What its tags may do now that they could not then. */
  readonly allowed?: Allowed
}

/** What tags may do. */
export type Allowed = Pick<MoveOptions, 'force' | 'allowPlatformDrop'>

/** A call of the command, as the history tells it. */
export interface Invocation {
  readonly argv: readonly string[]
  /** Variables of the environment that stand in for flags. */
  readonly env?: Readonly<Record<string, string>>
  /** The folder that the command line counts from. */
  readonly cwd?: string
  /** Names of the images whose digests are the result. */
  readonly chosen?: readonly string[]
  /** File for the metadata of all images; absolute. */
  readonly metadataFile?: string
}

/** What a build made. */
export interface BuildResult {
  /** Name of the run in the history of the store; absent where nothing could be written. */
  readonly run?: string
  /** Digest of the index, or of the manifest when one platform was built and nothing is attested. */
  readonly digest: string
  readonly images: readonly {
    readonly platform: string
    /** Of its manifest in the result. */
    readonly digest: string
    readonly strategy: string
    readonly node: string
    readonly seconds: number
    /** Bytes of its configuration and its packed layers, where its manifest says so. */
    readonly size?: number
  }[]
  /** Optional platforms that are missing, and why. */
  readonly missing: readonly {
    readonly platform: string
    readonly error: { readonly code: string; readonly message: string }
  }[]
  /**
   * Native toolchains that programs of emulated steps were run from, or on another node could be; `cached`: in an
   * earlier build, whose result is used.
   */
  readonly packs: readonly (UsedPack & { readonly cached: boolean })[]
  /** What emulated steps started in this build on this machine, natively or under QEMU; none with `--accel=off`. */
  readonly starts: readonly PlatformStarts[]
  readonly tags: readonly string[]
  /** `refs`: full references with digest, of what was pushed. */
  readonly outputs: readonly { readonly type: string; readonly dest?: string; readonly refs?: readonly string[] }[]
  /** What `--metadata-file` holds. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** Folder of the store. */
  readonly stored: string
}

/** What the caller of a build is told, as far as it is known before the image is published. */
export type BuiltPart = Omit<BuildResult, 'digest' | 'outputs' | 'metadata' | 'run'>

/** One image of a session: its name, which `target:NAME` and events call it by, and what is asked for. */
export interface BuildRequest {
  readonly name: string
  readonly options: BuildOptions
}

/** What became of one image of a session: its result, or why there is none. */
export type ImageResult =
  | { readonly name: string; readonly result: BuildResult; readonly error?: undefined }
  | { readonly name: string; readonly error: XbuildError; readonly result?: undefined }

/** What a session with several requests made, in the order of the requests. */
export interface SessionResult {
  readonly images: readonly ImageResult[]
}

/** A request as the session works with it; `image` is its name, absent where it is the only one. */
export interface SessionRequest {
  readonly image: string | undefined
  readonly options: CompleteOptions
  readonly outputs: OutputPlan
  /** What its tags may do in this attempt, beside what its options say. */
  readonly allowed?: Allowed
}
