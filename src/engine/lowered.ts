import type { EvaluatedStage, GraphStage, StageSource } from '../dockerfile/types.ts'
import type { Diagnostic } from '../errors.ts'
import type { ContainerConfig, HistoryEntry, ImageConfig } from '../oci/manifest.ts'
import type { ResolvedImage } from '../content/resolved-image.ts'
import type { FolderSource, TreeSource } from '../content/sources.ts'
import type { RunScope, Vertex } from './vertex.ts'

/** The vertices of one target platform, ending in the one whose file system is the image's. */
export interface Lowered {
  readonly vertex: Vertex
  readonly base: ImageConfig | undefined
  readonly config: ContainerConfig
  readonly author?: string
  /**
   * What the target stage, and the stages it is built on, did after `base`, oldest first; `vertex` is absent for what
   * changes no files.
   */
  readonly history: readonly { readonly entry: HistoryEntry; readonly vertex?: Vertex }[]
  readonly diagnostics: readonly Diagnostic[]
  /** Every stage evaluated, by its index. */
  readonly evaluations: ReadonlyMap<number, EvaluatedStage>
  /** Ids of the vertices that each stage adds, by its index. */
  readonly vertices: ReadonlyMap<number, readonly string[]>
}

/** Gives the resolved image of a stage source of kind image or context. */
export type ImageFor = (
  source: Exclude<StageSource, { kind: 'stage' | 'scratch' }>,
  stage: GraphStage,
) => ResolvedImage | NamedFiles

/**
 * A build context that is no image of a registry or layout: a folder of this machine, a file system from elsewhere, or
 * another image of the session.
 */
export type NamedFiles = { readonly kind: 'built'; readonly lowered: Lowered } | FolderOrTree

/** A folder of this machine, or a file system from elsewhere, as a build context. */
export type FolderOrTree =
  | { readonly kind: 'folder'; readonly name: string; readonly path: string }
  | { readonly kind: 'tree'; readonly name: string; readonly source: TreeSource }

/** All vertices by id: shared by the platforms of a build. */
export type VertexTable = Map<string, Vertex>

/** What lowering needs beside the graph. */
export interface LowerOptions {
  readonly imageFor: ImageFor
  readonly table: VertexTable
  /** What COPY reads from when it names nothing. */
  readonly context: Vertex | FolderSource
  /** What the RUN steps are given. */
  readonly scope: RunScope
  /** Names of stages whose steps run anew; `all` steps. */
  readonly fresh?: readonly string[] | 'all' | undefined
  /** Name of the image, where there are several. */
  readonly image?: string | undefined
}

/** A stage that is lowered. */
export interface LoweredStage extends Omit<Lowered, 'evaluations' | 'vertices'> {
  readonly evaluated: EvaluatedStage
  readonly own: readonly string[]
}

/** What lowering a stage needs: the stages before it, and the platform of the target. */
export interface StageEdges extends Omit<LowerOptions, 'fresh'> {
  readonly done: ReadonlyMap<number, LoweredStage>
  readonly target: string
  readonly fresh: readonly string[] | 'all'
}
