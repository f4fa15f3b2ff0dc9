import type { CompleteOptions } from '../config/options.ts'
import type { Dockerfile, StageGraph } from '../dockerfile/types.ts'
import type { TargetId } from '../plan/target-id.ts'
import type { Diagnostic } from '../errors.ts'
import type { Platform } from '../platform.ts'
import type { DockerfileText } from '../content/context-types.ts'
import type { MainContext } from '../content/main-context.ts'

/** One target of a session: the options as they are for it, its Dockerfile, and what that comes to. */
export interface TargetBuild extends TargetId {
  readonly platform: Platform
  readonly options: CompleteOptions
  readonly main: MainContext
  readonly file: DockerfileText
  readonly dockerfile: Dockerfile
  readonly graph: StageGraph
  /** The graph once it is known what triggers (ONBUILD) the images have that its stages, by index, are made from. */
  readonly graphWith: (triggers: ReadonlyMap<number, readonly string[]>) => {
    readonly graph: StageGraph
    readonly diagnostics: readonly Diagnostic[]
  }
  /** Images of the session that its named contexts are, by the name of the context. */
  readonly needs: readonly (TargetId & { readonly context: string; readonly image: string })[]
  /** The build goes on without it when it fails. */
  readonly optional: boolean
}
