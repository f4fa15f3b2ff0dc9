import { toXbuildError, XbuildError } from '../errors.ts'
import type { BuildResult, ImageResult, SessionRequest } from './types.ts'

/** What has become of the images of a session so far: one that fails does not take the others with it. */
export interface Results {
  /** Whether an image has not failed. */
  isGoing(image: string | undefined): boolean
  /** Does a part of the work for every image that has not failed. Throws when the only image fails, and CANCELED. */
  each(work: (request: SessionRequest) => Promise<void>): Promise<void>
  /** The same, begun for all of them at once. */
  sideBySide(work: (request: SessionRequest) => Promise<void>): Promise<void>
  /** The image is done with. Throws the error of the only image. */
  fail(image: string | undefined, error: unknown): void
  done(image: string | undefined, result: BuildResult): void
  all(): readonly ImageResult[]
}

/** `onFail` is told of each image that fails. */
export function createResults(
  requests: readonly SessionRequest[],
  signal: AbortSignal,
  onFail: () => void = () => {},
): Results {
  const errors = new Map<string | undefined, XbuildError>()
  const results = new Map<string | undefined, BuildResult>()

  function fail(image: string | undefined, thrown: unknown): void {
    if (image === undefined || signal.aborted) throw thrown
    if (errors.has(image)) return
    const error = toXbuildError(thrown)
    errors.set(image, error.code === 'CANCELED' ? stopped() : error)
    onFail()
  }

  async function one(request: SessionRequest, work: (request: SessionRequest) => Promise<void>): Promise<void> {
    if (errors.has(request.image)) return
    try {
      await work(request)
    } catch (thrown) {
      fail(request.image, thrown)
    }
  }

  /** An image that another one took with it. */
  function stopped(): XbuildError {
    const cause = [...errors].find(([, { code }]) => code !== 'CANCELED')?.[0]
    return new XbuildError('CANCELED', cause === undefined ? 'Build canceled' : `Not built, because "${cause}" failed`)
  }

  return {
    isGoing: (image) => !errors.has(image),
    async each(work) {
      for (const request of requests) await one(request, work)
    },
    async sideBySide(work) {
      const ended = await Promise.allSettled(requests.map((request) => one(request, work)))
      for (const end of ended) if (end.status === 'rejected') throw end.reason
    },
    fail,
    done: (image, result) => void results.set(image, result),
    all: () =>
      requests.map(({ image }) => {
        const [name, error, result] = [image ?? '', errors.get(image), results.get(image)]
        if (error) return { name, error }
        return result ? { name, result } : { name, error: stopped() }
      }),
  }
}
