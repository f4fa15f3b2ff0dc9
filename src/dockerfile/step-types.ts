import type { SourcePosition } from '../errors.ts'
import type { HistoryEntry } from '../oci/manifest.ts'
import type { Remote } from './remote.ts'
import type { RunMount } from './run-mounts.ts'
import type { StageSource } from './stage-source.ts'

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
  /**
   * Cleaned, relative to the source's root (`.`), never `..`; wildcards as written. With `parents` each is
   * `FOLDER/./PATTERN`.
   */
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
