import { XbuildError } from '../errors.ts'
import type { BuiltImage } from '../driver/driver.ts'
import type { ImageJob } from '../plan/types.ts'

/** How a job ended. A failed job is an outcome, not an exception: the others go on. Seconds. */
export type JobOutcome =
  | { readonly status: 'done'; readonly job: ImageJob; readonly image: BuiltImage; readonly seconds: number }
  | { readonly status: 'failed'; readonly job: ImageJob; readonly error: XbuildError }
  | { readonly status: 'skipped'; readonly job: ImageJob; readonly because: string }

/** The build as a whole failed; every platform that did, with its own error. */
export class BuildFailedError extends XbuildError {
  readonly failures: readonly { readonly platform: string; readonly error: XbuildError }[]

  constructor(failures: BuildFailedError['failures'], total: number) {
    const [first] = failures
    const canceled = failures.some(({ error }) => error.code === 'CANCELED')
    const names = failures.map(({ platform }) => platform).join(', ')
    super(
      canceled ? 'CANCELED' : (first?.error.code ?? 'INTERNAL'),
      canceled ? 'Build canceled' : `Cannot build ${failures.length} of ${total} platforms: ${names}`,
    )
    this.failures = canceled ? [] : failures
  }
}
