import type { SourcePosition, XbuildError } from './errors.ts'

export type Emit = (event: BuildEvent) => void

/**
 * Everything that happens, as data: only `ui/` turns it into text. Times are milliseconds since the epoch; `image` and
 * `images` are there in a session with several requests.
 */
export type BuildEvent =
  | {
      readonly type: 'job.start'
      readonly job: string
      readonly image?: string
      readonly platform: string
      readonly strategy: string
      readonly node?: string
      readonly at: number
    }
  | {
      readonly type: 'job.done'
      readonly job: string
      readonly image?: string
      readonly platform: string
      readonly digest: string
      readonly at: number
    }
  | {
      readonly type: 'job.fail'
      readonly job: string
      readonly image?: string
      readonly platform: string
      readonly error: XbuildError
      readonly at: number
    }
  /** The job goes on on another node, or is tried again on the same; `because` is why it failed there. */
  | {
      readonly type: 'job.move'
      readonly job: string
      readonly image?: string
      readonly platform: string
      readonly from: string
      readonly to: string
      readonly strategy: string
      readonly because: string
      readonly at: number
    }
  | {
      readonly type: 'job.skip'
      readonly job: string
      readonly image?: string
      readonly platform: string
      readonly because: string
      readonly at: number
    }
  /**
   * A step is a vertex of the build; one step may serve several platforms. `name` is like `[linux/arm64 build 2/4]
   * RUN make`.
   */
  | {
      readonly type: 'step.start'
      readonly step: string
      readonly name: string
      readonly platforms: readonly string[]
      readonly images?: readonly string[]
      readonly source?: SourcePosition
      readonly at: number
    }
  | {
      readonly type: 'step.log'
      readonly step: string
      readonly stream: 'stdout' | 'stderr'
      readonly line: string
      readonly at: number
    }
  | { readonly type: 'step.done'; readonly step: string; readonly cached: boolean; readonly at: number }
  | { readonly type: 'step.fail'; readonly step: string; readonly error: XbuildError; readonly at: number }
  /** Bytes moved so far; `total` is absent when unknown; the last event of a transfer has `done: true`. */
  | {
      readonly type: 'transfer'
      readonly id: string
      readonly name: string
      readonly current: number
      readonly total?: number
      readonly done?: boolean
      readonly at: number
    }
  | { readonly type: 'warning'; readonly message: string; readonly source?: SourcePosition; readonly at: number }
