import type { EventPayload } from './git-context.ts'
import type { Env } from './inputs.ts'

/** What reading the inputs needs to know beside them. */
export interface PlanInput {
  readonly env: Env
  readonly event: EventPayload
  /** A folder of the step alone, for secrets and results. */
  readonly temp: string
  /** Whether there is such a file. */
  readonly exists: (path: string) => boolean
  /** Flags that this version of xbuild has, by long name. */
  readonly flags: ReadonlySet<string>
}

/** What an action does, as the inputs say. */
export interface RunPlan {
  readonly mode: 'build' | 'bake'
  /** Arguments of xbuild, without its name. */
  readonly argv: readonly string[]
  /** The folder that it is run in, where that is not the workspace. */
  readonly cwd?: string
  /** A repository that the bake files are in, and its folder `cwd`. */
  readonly clone?: { readonly url: string; readonly token: string }
  /** Files that are written before: secrets, by their paths. */
  readonly files: readonly { readonly path: string; readonly content: string }[]
  /** What a log may not show. */
  readonly masks: readonly string[]
  /** Inputs that xbuild takes differently, and how. */
  readonly warnings: readonly string[]
  /** Absent: an ordinary build. */
  readonly call?: string
  readonly metadataFile: string
  readonly iidFile?: string
  readonly outputs: readonly string[]
  readonly tags: readonly string[]
  /** Folder for the record of the run. */
  readonly history?: string
  /** Provenance of bake targets that say nothing of it. */
  readonly defaultProvenance?: string
}

/** The arguments for a list: the flag before each value. */
export function repeated(flag: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [flag, value])
}

/** The arguments for a text that may be empty, which says nothing. */
export function once(flag: string, value: string): string[] {
  return value === '' ? [] : [flag, value]
}

/** The flag for a boolean that is true. */
export function whenTrue(flag: string, value: boolean): string[] {
  return value ? [flag] : []
}
