import type { WithheldValue } from '../../config/withheld.ts'

/** What a run said of an error. */
export interface RunError {
  readonly code: string
  readonly message: string
}

/** An image that a run was asked for; the name is empty where it is the only one. */
export interface RunRequest {
  readonly image: string
  readonly tags: readonly string[]
  /** Digests of the values of its options, by name: a later command line can be compared, and no value is told. */
  readonly asked?: Readonly<Record<string, string>>
}

/** How a run was asked for. */
export interface RunOrigin {
  readonly cwd: string
  /** The command line without the program; absent: the library was called. */
  readonly command?: readonly string[]
  /** What was taken out of it. */
  readonly withheld?: readonly WithheldValue[]
  /** Variables of the environment that stood in for flags. */
  readonly env?: Readonly<Record<string, string>>
  /** Variables that secrets are taken from. */
  readonly needs?: readonly string[]
  /** Names of the images whose digests are the result; absent: all. */
  readonly chosen?: readonly string[]
  /** File for the metadata of all images; absolute. */
  readonly metadataFile?: string
}

/** What is planned, or has become, of one platform of an image. */
export interface RunPlatform {
  readonly image: string
  readonly platform: string
  readonly status: 'planned' | 'running' | 'done' | 'failed' | 'skipped'
  readonly strategy?: string
  readonly node?: string
  readonly reason?: string
  readonly digest?: string
  readonly seconds?: number
  /** Steps that it took, and how many of them were known before. */
  readonly steps?: number
  readonly cached?: number
  readonly error?: RunError
}

/** A line of a journal. Times are milliseconds since the epoch. */
export type RunLine = { readonly at: number } & (
  | ({
      readonly type: 'begin'
      readonly version: string
      /** Text of the process mark of who works. */
      readonly mark: string
      readonly images: readonly RunRequest[]
    } & RunOrigin)
  | ({ readonly type: 'platform' } & RunPlatform)
  /** The image is whole and in the store; the record of that name tells how it is published. */
  | { readonly type: 'ready'; readonly image: string; readonly publication: string }
  /** An output was written. */
  | { readonly type: 'output'; readonly image: string; readonly output: string }
  /** A tag of a registry points at the image. */
  | { readonly type: 'tag'; readonly image: string; readonly ref: string; readonly digest: string }
  | {
      readonly type: 'image'
      readonly image: string
      readonly status: 'done' | 'failed'
      readonly digest?: string
      readonly error?: RunError
    }
  | { readonly type: 'end'; readonly status: 'done' | 'failed' | 'canceled'; readonly error?: RunError }
)

/** What has become of one image of a run. */
export interface RunImage extends RunRequest {
  readonly status: 'open' | 'done' | 'failed'
  readonly digest?: string
  readonly error?: RunError
  readonly platforms: readonly RunPlatform[]
  /** The record that tells how it is published. */
  readonly publication?: string
  readonly outputs: readonly string[]
  readonly moved: readonly { readonly ref: string; readonly digest: string; readonly at: number }[]
}

/** `interrupted`: its process is gone and did not say how it ended. */
export type RunState = 'running' | 'done' | 'failed' | 'canceled' | 'interrupted'

/** A run as its journal tells it. */
export interface Run extends RunOrigin {
  readonly id: string
  readonly state: RunState
  readonly version: string
  readonly began: number
  /** When the last of it was written, where it did not end. */
  readonly ended: number
  /** Milliseconds that somebody worked on it. */
  readonly duration: number
  /** How often it was begun: each resume is one more. */
  readonly attempts: number
  /** The process that works on it. */
  readonly pid?: number
  readonly images: readonly RunImage[]
  readonly error?: RunError
}
