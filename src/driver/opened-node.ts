import type { Job, LostNode, Node } from '../plan/types.ts'
import type { Driver } from './driver.ts'
import type { RemoteBuild } from './remote-build.ts'

/** A machine that answers, and the way to build on it. */
export interface OpenedNode {
  readonly node: Node
  /** Makes the driver; called once, by the first job that goes there. */
  driver(buildFor: (job: Job) => RemoteBuild | Promise<RemoteBuild>): Driver | Promise<Driver>
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
