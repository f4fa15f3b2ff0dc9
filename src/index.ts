/** The library: what the command does, as functions. */
export {
  build,
  type BuildEdges,
  type BuildOptions,
  type BuildRequest,
  type BuildResult,
  type SessionResult,
} from './build.ts'
export { plan } from './session/plan-only.ts'
export {
  bake,
  composeBuild,
  type BakedImage,
  type BakeOptions,
  type ComposeBuildOptions,
  type ImagesBuild,
  type ImagesOptions,
  type ImagesResult,
} from './cli/library.ts'
export {
  listRuns,
  removeRuns,
  resumeRun,
  showRun,
  type HistoryOptions,
  type ResumeOptions,
  type RunDetails,
} from './cli/library-history.ts'
export type { NamedContext, Output, ProgressMode, RegistryConfig } from './config/options.ts'
export type { BuildEvent, Emit } from './events.ts'
export { XbuildError, type Diagnostic, type ErrorCode, type SourcePosition } from './errors.ts'
export { formatPlatform, parsePlatform, type Platform } from './platform.ts'
export type { BuildPlan, Decision, Job, Node, PlannedImage, Strategy } from './plan/types.ts'
export { BuildFailedError } from './run/outcome.ts'
export type { ImageResult } from './session/types.ts'
export type { Run, RunError, RunImage, RunPlatform, RunState } from './store/runs/run-types.ts'
