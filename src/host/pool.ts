/** How a list is worked through. */
export interface PoolOptions {
  /** Tasks at a time. */
  readonly limit: number
  readonly signal: AbortSignal
}

/**
 * Runs `task` for every item, some at a time, in the order of the items. The first failure starts no further task,
 * aborts the signal of the running ones, and is thrown once all of them have ended.
 */
export async function forEachLimited<T>(
  items: readonly T[],
  options: PoolOptions,
  task: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const failures: unknown[] = []
  let next = 0
  async function work(): Promise<void> {
    while (next < items.length && !signal.aborted) {
      try {
        await task(items[next++]!, signal)
      } catch (error) {
        failures.push(error)
        stop.abort(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.limit, items.length) }, work))
  if (failures.length > 0) throw failures[0]
  options.signal.throwIfAborted()
}
