import type { BuildOptions } from '../config/options.ts'
import type { Dockerfile, StageGraph } from '../dockerfile/types.ts'
import type { Platform } from '../platform.ts'
import type { DockerfileText } from './embedded/main-context.ts'

/** One target platform of a build: the options as they are for it, its Dockerfile, and what that comes to. */
export interface TargetBuild {
  readonly platform: Platform
  readonly options: BuildOptions
  readonly file: DockerfileText
  readonly dockerfile: Dockerfile
  readonly graph: StageGraph
  /** The build goes on without it when it fails. */
  readonly optional: boolean
}
