import type { BuiltImage, BuiltStage } from '../content/built-image.ts'
import type { Emit } from '../events.ts'
import type { ImageJob, Job } from '../plan/types.ts'

/** One way of building jobs on a node. Retries and recording are wrappers around this, not flags in it. */
export interface Driver {
  /**
   * Builds one platform's image, or a stage as if it were one. Rejects with an `XbuildError`; never settles before
   * its processes have ended.
   */
  build(job: Job, options: DriverOptions): Promise<BuiltImage>
  /**
   * Runs a command in an image that was built, on the node, without secrets, and keeps nothing of it there. Absent where
   * tests run by other means. Rejects with RUN_FAILED or EMULATOR when the command fails, NODE when the node is lost.
   */
  test?(test: NodeTest, options: TestOptions): Promise<void>
  /** Releases everything the driver holds. */
  close(): Promise<void>
}

/** A command in the image of one platform. */
export interface NodeTest {
  /** The job that built the image, at this node or elsewhere. */
  readonly job: ImageJob
  readonly image: BuiltImage
  readonly argv: readonly string[]
  /** The node runs programs of the platform under an emulator. */
  readonly emulated: boolean
}

/** What every call of a test gets beside it. */
export interface TestOptions {
  readonly signal: AbortSignal
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void
}

/** What every build call gets beside its job. */
export interface DriverOptions {
  readonly signal: AbortSignal
  readonly emit: Emit
  /** Stages that were built elsewhere: they are taken instead of being built again, where the driver can. */
  readonly stages?: readonly BuiltStage[]
}
