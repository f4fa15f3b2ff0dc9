/**
 * Does something with each item, at most `limit` at a time; after a failure nothing new starts, and what runs ends
 * first.
 */
export async function atMost<T>(limit: number, items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items]
  const ended = await Promise.allSettled(
    Array.from({ length: limit }, async () => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
        await act(item).catch((error: unknown) => {
          rest.length = 0
          throw error
        })
      }
    }),
  )
  for (const one of ended) if (one.status === 'rejected') throw one.reason
}
