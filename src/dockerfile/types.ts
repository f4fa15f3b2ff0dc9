import type { Diagnostic, SourcePosition } from '../errors.ts'
import type { ContainerConfig, HistoryEntry } from '../oci/manifest.ts'
import type { Platform } from '../platform.ts'
import type { ForeignFrontend } from './frontend.ts'
import type { Remote } from './remote.ts'
import type { RunMount } from './run-mounts.ts'

/** A whole Dockerfile as typed instructions, nothing expanded yet. */
export interface Dockerfile {
  readonly file: string
  readonly directives: {
    readonly syntax?: string
    readonly escape: '\\' | '`'
    readonly check?: string
    /** Where they are, those that a message may be about. */
    readonly at?: { readonly syntax?: SourcePosition; readonly check?: SourcePosition }
  }
  /** ARGs before the first FROM. */
  readonly metaArgs: readonly ArgInstruction[]
  readonly stages: readonly Stage[]
  /** Another frontend reads the file: `stages` only stand for what it will make. */
  readonly frontend?: ForeignFrontend
}

/** What parsing yields: as much of the file as could be understood, and every problem found. */
export interface ParseResult {
  readonly dockerfile: Dockerfile
  readonly diagnostics: readonly Diagnostic[]
}

/** FROM and what follows it. */
export interface Stage {
  readonly index: number
  /** Lower-cased AS name. */
  readonly name?: string
  readonly from: FromInstruction
  readonly instructions: readonly Instruction[]
  /** The image of another frontend: the stage stands for all that it makes. */
  readonly frontend?: string
}

interface Base {
  readonly at: SourcePosition
  /** The instruction as written, continuation lines joined by one space, for display. */
  readonly text: string
  /** What no build depends on, only checks and outlines. */
  readonly written?: Written
}

/** How an instruction is written, where that is worth a word; it has at least one of these. */
export interface Written {
  /** Its name, when that is not in upper case. */
  readonly keyword?: string
  /** The numbers of empty lines among its continuation lines. */
  readonly emptyLines?: readonly number[]
  /** The comment lines right above it, without `#`. */
  readonly comments?: readonly string[]
}

/** `<<WORD`: `expand` is false when the word was quoted; `content` has tabs stripped for `<<-`. */
export interface Heredoc {
  readonly name: string
  readonly content: string
  /** `content` before tabs were stripped: what a shell that reads the heredoc itself gets. */
  readonly raw: string
  readonly expand: boolean
  readonly fd: number
}

/** A command in shell form (one text) or exec form (a list). */
export type Command =
  | { readonly form: 'shell'; readonly line: string; readonly heredocs: readonly Heredoc[] }
  | { readonly form: 'exec'; readonly argv: readonly string[] }

export interface FromInstruction extends Base {
  readonly kind: 'from'
  readonly image: string
  readonly platform?: string
  /** As written: names of stages are compared in lower case. */
  readonly as?: string
  /** The word AS, when that is not in upper case. */
  readonly asWord?: string
}
export interface ArgInstruction extends Base {
  readonly kind: 'arg'
  readonly args: readonly { readonly name: string; readonly value?: string }[]
}
export interface EnvInstruction extends Base {
  readonly kind: 'env'
  readonly pairs: readonly KeyValue[]
}
export interface LabelInstruction extends Base {
  readonly kind: 'label'
  readonly pairs: readonly KeyValue[]
}
/** Key and value as written, quotes included: expansion removes them. `legacy` is `ENV key value`. */
export interface KeyValue {
  readonly key: string
  readonly value: string
  readonly legacy?: boolean
}
export interface RunInstruction extends Base {
  readonly kind: 'run'
  readonly command: Command
  /** `--mount` values as written, in order. */
  readonly mounts: readonly string[]
  readonly network?: 'default' | 'none' | 'host'
  readonly security?: 'sandbox' | 'insecure'
  readonly devices: readonly string[]
}
export interface CopyInstruction extends Base {
  readonly kind: 'copy' | 'add'
  readonly sources: readonly string[]
  readonly heredocs: readonly Heredoc[]
  readonly dest: string
  readonly from?: string
  readonly chown?: string
  readonly chmod?: string
  readonly link: boolean
  readonly parents: boolean
  readonly excludes: readonly string[]
  /** ADD only. */
  readonly checksum?: string
  readonly keepGitDir: boolean
  readonly unpack?: boolean
}
export interface CommandInstruction extends Base {
  readonly kind: 'cmd' | 'entrypoint'
  readonly command: Command
}
export interface ShellInstruction extends Base {
  readonly kind: 'shell'
  readonly argv: readonly string[]
}
export interface WorkdirInstruction extends Base {
  readonly kind: 'workdir'
  readonly path: string
}
export interface UserInstruction extends Base {
  readonly kind: 'user'
  readonly user: string
}
export interface ExposeInstruction extends Base {
  readonly kind: 'expose'
  readonly ports: readonly string[]
}
export interface VolumeInstruction extends Base {
  readonly kind: 'volume'
  readonly paths: readonly string[]
}
export interface StopsignalInstruction extends Base {
  readonly kind: 'stopsignal'
  readonly signal: string
}
export interface HealthcheckInstruction extends Base {
  readonly kind: 'healthcheck'
  /** Absent for NONE. */
  readonly command?: Command
  /** Nanoseconds. */
  readonly interval?: number
  readonly timeout?: number
  readonly startPeriod?: number
  readonly startInterval?: number
  readonly retries?: number
}
export interface OnbuildInstruction extends Base {
  readonly kind: 'onbuild'
  /** The instruction to run later, as text. */
  readonly trigger: string
}
export interface MaintainerInstruction extends Base {
  readonly kind: 'maintainer'
  readonly name: string
}

export type Instruction =
  | ArgInstruction
  | EnvInstruction
  | LabelInstruction
  | RunInstruction
  | CopyInstruction
  | CommandInstruction
  | ShellInstruction
  | WorkdirInstruction
  | UserInstruction
  | ExposeInstruction
  | VolumeInstruction
  | StopsignalInstruction
  | HealthcheckInstruction
  | OnbuildInstruction
  | MaintainerInstruction

/** The stages one target platform needs, in an order in which each comes after what it needs. */
export interface StageGraph {
  readonly target: Platform
  readonly buildPlatform: Platform
  readonly stages: readonly GraphStage[]
  /** Index (in the Dockerfile) of the target stage; it is the last of `stages`. */
  readonly targetStage: number
}

/** Where a stage or a COPY --from reads from. */
export type StageSource =
  | { readonly kind: 'stage'; readonly index: number }
  /** `platform`: the one to take of the image, when it is not the platform of the stage that reads it. */
  | { readonly kind: 'image'; readonly ref: string; readonly platform?: Platform }
  | { readonly kind: 'scratch' }
  /** A `--build-context`, by its name; `platform` as for an image. */
  | { readonly kind: 'context'; readonly name: string; readonly platform?: Platform }

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

interface StepBase {
  readonly at: SourcePosition
  /** The instruction as the user wrote it, for progress. */
  readonly text: string
  /** `created_by`, `comment`, `empty_layer` as BuildKit writes them; no `created`. */
  readonly history: HistoryEntry
}

export type Step = RunStep | CopyStep | WorkdirStep | MetaStep

export interface RunStep extends StepBase {
  readonly kind: 'run'
  readonly argv: readonly string[]
  /** `NAME=value`, ENV then ARGs, PATH always there. */
  readonly env: readonly string[]
  /** `NAME=value` that a step gets beside `env` and that must not be part of the cache key (proxies). */
  readonly secretEnv: readonly string[]
  readonly user: string
  readonly cwd: string
  /** Heredoc scripts that a file must hold: path in the container -> content. */
  readonly files: readonly { readonly path: string; readonly content: string; readonly mode: number }[]
  /** Sorted by target. */
  readonly mounts: readonly RunMount[]
  readonly network: 'default' | 'host' | 'none'
  readonly security?: 'sandbox' | 'insecure'
  readonly devices?: readonly string[]
}

export interface CopyStep extends StepBase {
  readonly kind: 'copy'
  readonly add: boolean
  /** Absent: the build context. */
  readonly from?: StageSource
  /** Cleaned, relative to the source's root (`.`), never `..`; wildcards as written. With `parents` each is `FOLDER/./PATTERN`. */
  readonly sources: readonly string[]
  /** ADD only: sources that are URLs or git repositories, with their checksums. */
  readonly remotes?: readonly Remote[]
  /** Files whose content is in the Dockerfile: name -> content, expanded. */
  readonly inline: readonly { readonly name: string; readonly content: string }[]
  /** Absolute; a trailing slash says: a folder. */
  readonly dest: string
  readonly chown?: string
  /** Octal text or symbolic, as written, expanded. */
  readonly chmod?: string
  readonly excludes: readonly string[]
  readonly parents: boolean
  readonly link: boolean
  /** ADD only: false keeps local archives packed, true unpacks downloaded ones too. */
  readonly unpack?: boolean
}

/** Makes the working folder, owned by `user`, unless it is there. */
export interface WorkdirStep extends StepBase {
  readonly kind: 'workdir'
  readonly path: string
  readonly user: string
}

/** Changes only the config. */
export interface MetaStep extends StepBase {
  readonly kind: 'meta'
}
