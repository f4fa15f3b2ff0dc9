import type { HttpRemote } from '../dockerfile/remote.ts'
import type { CopyStep, RunStep, WorkdirStep } from '../dockerfile/types.ts'
import type { SourcePosition } from '../errors.ts'
import type { Platform } from '../platform.ts'
import type { ResolvedImage } from '../content/resolved-image.ts'
import type { FolderSource, TreeSource } from '../content/sources.ts'
import type { BuildInputs } from '../content/build-inputs.ts'
import type { ContainerOptions } from './container-options.ts'

/**
 * One piece of work of the engine. `id` is a digest of what it does and of the vertices it builds on, so that equal
 * work of several stages and platforms is one vertex, done once.
 */
export type Vertex = SourceVertex | RemoteVertex | StepVertex

/** Where a stage starts. */
export type SourceVertex =
  | { readonly kind: 'scratch'; readonly id: string }
  | { readonly kind: 'image'; readonly id: string; readonly image: ResolvedImage; readonly shown: Shown }

/** A file system from elsewhere: a git repository or a tar archive. */
export interface RemoteVertex {
  readonly kind: 'remote'
  readonly id: string
  readonly source: TreeSource
  /** The user named it as the context of the build: git may use the user's own keys and credentials for it. */
  readonly byUser?: boolean
  readonly shown: Shown
}

/** How progress shows a vertex, and which target platforms it serves (the set grows while platforms are lowered). */
export interface Shown {
  readonly name: string
  readonly platforms: Set<string>
  /** The images it serves, where a session has several. */
  readonly images: Set<string>
  readonly at?: SourcePosition
}

/** Whom a step serves, as its event says it. */
export function servedBy({ platforms, images }: Shown): {
  readonly platforms: readonly string[]
  readonly images?: readonly string[]
} {
  return { platforms: [...platforms], ...(images.size > 0 ? { images: [...images] } : {}) }
}

interface StepBase {
  readonly id: string
  readonly parent: Vertex
  readonly shown: Shown
  /** To be done anew, whatever the cache holds. */
  readonly fresh?: boolean
}

/** What a request gives to its RUN steps, and no cache key of a step knows. */
export interface RunScope {
  readonly container: ContainerOptions
  readonly inputs: BuildInputs
}

/** A RUN; `mounted` is what each of the step's mounts reads from. */
export type RunVertex = StepBase & {
  readonly kind: 'run'
  readonly step: RunStep
  readonly platform: Platform
  readonly scope: RunScope
  readonly mounted: readonly (Vertex | FolderSource | undefined)[]
}

export type StepVertex =
  | RunVertex
  | (StepBase & { readonly kind: 'workdir'; readonly step: WorkdirStep })
  | (StepBase & {
      readonly kind: 'copy'
      readonly step: CopyStep
      /** A stage or image, or a folder; absent: nothing is read. */
      readonly from?: Vertex | FolderSource
      /** ADD: what comes from elsewhere, beside the local sources. */
      readonly remotes: readonly (RemoteVertex | HttpRemote)[]
    })
