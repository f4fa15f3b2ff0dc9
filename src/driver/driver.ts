import type { BuiltImage, BuiltStage } from '../content/built-image.ts'
import type { Emit } from '../events.ts'
import type { Job } from '../plan/types.ts'

/** One way of building jobs on a node. Retries and recording are wrappers around this, not flags in it. */
export interface Driver {
  /**
   * Builds one platform's image, or a stage as if it were one. Rejects with an `XbuildError`; never settles before
   * its processes have ended.
   */
  build(job: Job, options: DriverOptions): Promise<BuiltImage>
  /** Releases everything the driver holds. */
  close(): Promise<void>
}

/** What every build call gets beside its job. */
export interface DriverOptions {
  readonly signal: AbortSignal
  readonly emit: Emit
  /** Stages that were built elsewhere: they are taken instead of being built again, where the driver can. */
  readonly stages?: readonly BuiltStage[]
}
