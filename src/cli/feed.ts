/** Values that are pushed at one end and read at the other, in order, none lost. */
export interface Feed<T> {
  push(value: T): void
  end(): void
  /** The reader learns of the error behind the values before it. */
  fail(error: Error): void
  iterate(): AsyncIterator<T>
}

/** Makes a feed for one reader. */
export function createFeed<T>(): Feed<T> {
  let waiting: T[] = []
  let ended = false
  let failure: Error | undefined
  let wake: (() => void) | undefined
  const tell = () => wake?.()
  return {
    push(value) {
      if (!ended) waiting.push(value)
      tell()
    },
    end() {
      ended = true
      tell()
    },
    fail(error) {
      failure = error
      tell()
    },
    async *iterate() {
      for (;;) {
        const ready = waiting
        waiting = []
        yield* ready
        if (waiting.length > 0) continue
        if (failure) throw failure
        if (ended) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
