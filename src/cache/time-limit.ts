import { Readable } from 'node:stream'
import { XbuildError } from '../errors.ts'

/** Does work that must be over after so many milliseconds; `what` names it in the error. Throws REGISTRY. */
export async function within<T>(
  { ms, what, signal }: { readonly ms: number; readonly what: string; readonly signal: AbortSignal },
  work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = AbortSignal.timeout(ms)
  try {
    return await work(AbortSignal.any([signal, limit]))
  } catch (error) {
    throw limit.aborted && !signal.aborted ? tooLate(what, ms) : error
  }
}

/** A stream that must have ended after so many milliseconds. It ends with REGISTRY when it has not. */
export async function streamWithin(
  { ms, what, signal }: { readonly ms: number; readonly what: string; readonly signal: AbortSignal },
  open: (limited: AbortSignal) => Promise<AsyncIterable<unknown>>,
): Promise<Readable> {
  const limit = AbortSignal.timeout(ms)
  const inTime = (error: unknown) => (limit.aborted && !signal.aborted ? tooLate(what, ms) : error)
  const opened = await open(AbortSignal.any([signal, limit])).catch((error: unknown) => {
    throw inTime(error)
  })
  async function* content() {
    try {
      yield* opened
    } catch (error) {
      throw inTime(error)
    }
  }
  return Readable.from(content(), { objectMode: false })
}

function tooLate(what: string, ms: number): XbuildError {
  return new XbuildError('REGISTRY', `Cannot use GitHub's cache service: ${what} took more than ${ms / 1000} s`)
}
