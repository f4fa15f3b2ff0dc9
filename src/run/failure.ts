import { assertNever, type XbuildError } from '../errors.ts'
import type { Alternative } from '../plan/types.ts'

/**
 * Who has to do with a failure. `user`: the same everywhere; `node`: the machine, another one may do; `emulator`: it
 * crashed or hangs;
 * `registry`: trouble that may pass; `time`: a limit of the user's; `fault`: of xbuild.
 */
export type FailureClass = 'user' | 'node' | 'emulator' | 'registry' | 'time' | 'canceled' | 'fault'

/** What programs say when the disk of their machine is full. */
const FULL = /no space left on device/i

/**
 * The class of a failure; `emulates`: a step of the job runs under an emulator; `silent`: it was stopped because it
 * said nothing.
 */
export function classify(
  { code, output = [] }: Pick<XbuildError, 'code' | 'output'>,
  { emulates, silent }: { readonly emulates: boolean; readonly silent: boolean },
): FailureClass {
  switch (code) {
    case 'NODE':
    case 'HOST':
    // Legal, and another engine may know it
    case 'UNSUPPORTED':
      return 'node'
    case 'EMULATOR':
      return 'emulator'
    case 'RUN_FAILED':
      return output.some((line) => FULL.test(line)) ? 'node' : 'user'
    case 'TIMEOUT':
      return silent && emulates ? 'emulator' : 'time'
    case 'REGISTRY':
      return 'registry'
    case 'CANCELED':
      return 'canceled'
    case 'INTERNAL':
      return 'fault'
    case 'BAD_OPTION':
    case 'BAD_PLATFORM':
    case 'BAD_REFERENCE':
    case 'BAD_DOCKERFILE':
    case 'NOT_FOUND':
    case 'OUTSIDE_CONTEXT':
    case 'NO_NODE':
    case 'NO_PLATFORM':
    case 'AUTH':
    case 'BAD_IMAGE':
    case 'DIGEST_MISMATCH':
    case 'STORE':
    case 'CONTEXT_CHANGED':
    case 'WRONG_PROGRAM':
    case 'TAG_CHANGED':
    case 'PLATFORM_LOST':
    case 'TEST_FAILED':
    case 'NOT_REPRODUCIBLE':
      return 'user'
    default:
      return assertNever(code)
  }
}

/** One try of a job, failed. */
export interface Attempt {
  readonly node: string
  readonly failure: FailureClass
}

/** What to do next with a job that failed. */
export type Next =
  | { readonly kind: 'give up' }
  /** On the same node, after so many milliseconds. */
  | { readonly kind: 'again'; readonly after: number }
  | { readonly kind: 'move'; readonly to: Alternative }

export interface Failed {
  /** All tries so far, the last one last. */
  readonly attempts: readonly Attempt[]
  /** Where else the job can be built, best first. */
  readonly alternatives: readonly Alternative[]
  /** Nodes that are known to be lost. */
  readonly lost: ReadonlySet<string>
  /** The node's registry client has retried already. */
  readonly retried: boolean
}

/** Pauses before a job is tried again on the same node; milliseconds. */
const PAUSES = [1000, 4000]

/**
 * Decides what becomes of a failed job. A node that failed is never asked a second time, an emulator crash is answered
 * once, registry trouble waits and tries again, and then elsewhere; what the user has to mend is not retried at all.
 */
export function afterFailure({ attempts, alternatives, lost, retried }: Failed): Next {
  const last = attempts.at(-1)!
  const alternative = alternatives.find(
    ({ strategy: { node } }) => !lost.has(node) && !attempts.some((attempt) => attempt.node === node),
  )
  const move: Next = alternative ? { kind: 'move', to: alternative } : { kind: 'give up' }
  switch (last.failure) {
    case 'node':
      return move
    case 'emulator':
      return attempts.filter(({ failure }) => failure === 'emulator').length > 1 ? { kind: 'give up' } : move
    case 'registry': {
      const pause = retried
        ? undefined
        : PAUSES[attempts.filter(({ node, failure }) => node === last.node && failure === 'registry').length - 1]
      return pause === undefined ? move : { kind: 'again', after: pause }
    }
    case 'user':
    case 'time':
    case 'canceled':
    case 'fault':
      return { kind: 'give up' }
    default:
      return assertNever(last.failure)
  }
}
