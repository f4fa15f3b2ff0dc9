import type { SourcePosition } from '../errors.ts'
import type { Platform } from '../platform.ts'
import type { Dockerfile, StageArgs } from './types.ts'

/** What a stage graph depends on beside the Dockerfile. */
export interface GraphOptions {
  readonly target: Platform
  readonly buildPlatform: Platform
  readonly buildArgs: Readonly<Record<string, string>>
  /** Absent: the last stage. */
  readonly targetStage?: string
  /** Names of all `--build-context`s. */
  readonly namedContexts: readonly string[]
  /** Every stage of the file, needed or not: for checks. `targetStage` is the last one then. */
  readonly everyStage?: boolean
  /** Those of them that are folders, the same for every platform. */
  readonly folderContexts?: readonly string[]
  /** Those of them that are empty. */
  readonly scratchContexts?: readonly string[]
  /** ONBUILD of the images that stages are made from, by the index of the stage: known only once these are. */
  readonly triggers?: ReadonlyMap<number, readonly string[]>
  /** Stages that are made, with what they need, as another build platform would make them. */
  readonly pinned?: { readonly platform: Platform; readonly stages: readonly string[] }
}

/** What the resolution of one stage needs to know about the whole build. */
export interface GraphScope {
  readonly dockerfile: Dockerfile
  readonly options: GraphOptions
  readonly args: StageArgs
  /** Indexes of the stages of a name, in order. */
  readonly named: ReadonlyMap<string, readonly number[]>
  readonly fail: (rule: string, at: SourcePosition, message: string, hint?: string) => void
  readonly warn: (rule: string, at: SourcePosition, message: string, hint?: string) => void
}
