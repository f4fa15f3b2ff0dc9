import type { Diagnostic, SourcePosition } from '../errors.ts'
import type { ContainerConfig } from '../oci/manifest.ts'
import type { Platform } from '../platform.ts'
import type { Stage } from './instruction-types.ts'
import type { Step } from './step-types.ts'
import type { StageSource } from './stage-source.ts'

/** The stages one target platform needs, in an order in which each comes after what it needs. */
export interface StageGraph {
  readonly target: Platform
  readonly buildPlatform: Platform
  readonly stages: readonly GraphStage[]
  /** Index (in the Dockerfile) of the target stage; it is the last of `stages`. */
  readonly targetStage: number
}

/** A stage with FROM resolved for one target platform. */
export interface GraphStage {
  readonly index: number
  readonly name?: string
  readonly stage: Stage
  /** The platform its programs run on. */
  readonly platform: Platform
  readonly base: StageSource
  /** Every `--from` of its COPY and RUN --mount, by the text written there. */
  readonly froms: Readonly<Record<string, StageSource>>
  /** Indexes of the stages that `base` and `froms` name, sorted. */
  readonly needs: readonly number[]
  /** Values an ARG of this stage may take by name alone: global ARGs, platform ARGs, build args. */
  readonly args: StageArgs
  /** The Dockerfile's escape character; absent: a backslash. */
  readonly escape?: '\\' | '`'
  /** Same text for two target platforms when the stage is the same work for both (needs included). */
  readonly fingerprint: string
}

export interface StageArgs {
  /** Values of ARGs before FROM and of the platform ARGs, visible after a bare `ARG NAME`. */
  readonly global: Readonly<Record<string, string>>
  /** `--build-arg`, which wins over every default. */
  readonly build: Readonly<Record<string, string>>
}

/** What the evaluation of a stage starts from. */
export interface StageBase {
  readonly config: ContainerConfig
  /** ARG values of the parent stage, when the base is a stage. */
  readonly args?: Readonly<Record<string, string | undefined>>
}

/** A stage evaluated: every variable expanded, every step with the state it runs in. */
export interface EvaluatedStage {
  readonly steps: readonly Step[]
  /** Config of the image this stage makes; CLI labels are not in it. */
  readonly config: ContainerConfig
  readonly author?: string
  /** Declared ARGs at the end, for stages built from this one. */
  readonly args: Readonly<Record<string, string | undefined>>
  /** Variables that were used and had no value and no ARG, if there are any. */
  readonly unset?: readonly UnsetVariable[]
  readonly diagnostics: readonly Diagnostic[]
}

/** A variable that stood for nothing. */
export interface UnsetVariable {
  readonly name: string
  readonly at: SourcePosition
  /** A variable that was set there and has nearly that name. */
  readonly similar?: string
}
