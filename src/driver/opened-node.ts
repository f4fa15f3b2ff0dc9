import type { Job, LostNode, Node } from '../plan/types.ts'
import type { PushTarget } from './buildkit/daemon.ts'
import type { Driver } from './driver.ts'
import type { RemoteBuild } from './remote-build.ts'

/** A machine that answers, and the way to build on it. */
export interface OpenedNode {
  readonly node: Node
  /**
   * Makes a driver, when a job goes there; with `pushTo` its results go to that repository by digest, and not to this
   * machine.
   */
  driver(
    buildFor: (job: Job) => RemoteBuild | Promise<RemoteBuild>,
    options?: { readonly pushTo?: PushTarget },
  ): Driver | Promise<Driver>
  /** It can push by digest. */
  readonly pushes: boolean
  /** Commands can be run there in images that were built. */
  readonly tests: boolean
  close(): Promise<void>
}

export type { LostNode }

/** The machines of a build beside this one, in the order in which they are preferred. */
export interface OpenedNodes {
  /** Whether this machine takes part, too. */
  readonly local: boolean
  readonly nodes: readonly OpenedNode[]
  readonly lost: readonly LostNode[]
}
