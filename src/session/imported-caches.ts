import type { CacheImports } from '../cache/import.ts'
import type { SessionRequest } from './types.ts'

/** A build failed because a cache of another machine is broken; it can be built without. */
class BrokenCacheError extends Error {}

/** Whether a build is to be tried again without imported caches. */
export function isBrokenCache(error: unknown): boolean {
  return error instanceof BrokenCacheError
}

/**
 * The error to throw for one of a build: when an imported cache is broken, and the build can be done a second time,
 * it is that, with a warning.
 */
export function blameCaches(
  error: unknown,
  {
    caches,
    requests,
    signal,
    warn,
  }: {
    readonly caches: readonly CacheImports[]
    readonly requests: readonly SessionRequest[]
    readonly signal: AbortSignal
    readonly warn: (message: string) => void
  },
): unknown {
  const broken = caches.map((cache) => cache.failure()).find(Boolean)
  if (!broken || readsOnce(requests) || signal.aborted) return error
  warn(`Cannot use an imported cache: ${broken.message}; building without it`)
  return new BrokenCacheError(broken.message, { cause: error })
}

/** The same requests, as if no cache were named. */
export function withoutCaches(requests: readonly SessionRequest[]): SessionRequest[] {
  return requests.map((request) => ({ ...request, options: { ...request.options, cacheFrom: [] } }))
}

/** What was read from standard input, or written to standard output, cannot be had a second time. */
export function readsOnce(requests: readonly SessionRequest[]): boolean {
  return requests.some(({ options: { context, file, outputs } }) =>
    [context, file, ...outputs.map((output) => 'dest' in output && output.dest)].includes('-'),
  )
}
