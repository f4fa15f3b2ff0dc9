import type { SourcePosition } from '../../errors.ts'
import type { ContainerConfig } from '../../oci/manifest.ts'
import type { IgnoreMatcher } from '../ignore.ts'
import type { Dockerfile, EvaluatedStage, GraphStage, Stage, StageGraph } from '../types.ts'

/** One thing that a rule has found; `hint` when the rule's own help does not fit. */
export interface Finding {
  readonly at: SourcePosition
  readonly message: string
  readonly hint?: string
}

/** One check. Names are BuildKit's where BuildKit has the check. */
export interface Rule {
  readonly name: string
  /** What is wrong in general. */
  readonly description: string
  /** The way out. */
  readonly help: string
  readonly severity: 'warning'
  /** Only looked for when the Dockerfile asks for it. */
  readonly experimental?: true
  /** BuildKit has no such rule: what it finds never fails a build or a check that BuildKit passes. */
  readonly own?: true
  find(subject: Subject): readonly Finding[]
}

/** Everything that rules look at. */
export interface Subject {
  readonly dockerfile: Dockerfile
  /** One per target platform, at least one. */
  readonly views: readonly View[]
  /** What `.dockerignore` leaves out of the context, when that is known. */
  readonly ignore?: IgnoreMatcher
}

/** The stages of one target platform. */
export interface View {
  readonly graph: StageGraph
  readonly stages: readonly StageView[]
}

/** One stage for one target platform. */
export interface StageView {
  readonly stage: GraphStage
  readonly evaluated: EvaluatedStage
  /** Whether the config of the image at the root of this stage was at hand; otherwise it was taken as empty. */
  readonly baseIsKnown: boolean
  /** SHELL, as the stage starts. */
  readonly shell: ContainerConfig['Shell']
  /** What the base has instead of the stage's platform. */
  readonly otherPlatforms?: readonly string[]
}

/** The stages that some target needs, in the order of the file; all of them when no target can be built. */
export function stagesOf({ dockerfile, views }: Subject): readonly Stage[] {
  if (views.every(({ graph }) => graph.targetStage === -1)) return dockerfile.stages
  const needed = new Set(views.flatMap(({ graph }) => graph.stages.map(({ index }) => index)))
  return dockerfile.stages.filter(({ index }) => needed.has(index))
}

/**
 * Calls `find` for every stage of every target platform; what several platforms have in common is told once, by
 * `checkDockerfile`.
 */
export function inEveryStage(
  { views }: Subject,
  find: (stage: StageView, view: View) => readonly Finding[],
): Finding[] {
  return views.flatMap((view) => view.stages.flatMap((stage) => find(stage, view)))
}
