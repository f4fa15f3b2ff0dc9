import type { Diagnostic, SourcePosition } from '../errors.ts'

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

/** An image that reads the file in the place of Docker's own frontend. */
export interface ForeignFrontend {
  readonly image: string
  /** What follows the image, beginning with it. */
  readonly cmdline: string
  /** Absent: a build argument names it. */
  readonly at?: SourcePosition
}
