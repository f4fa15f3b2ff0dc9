/**
 * Work by id that several callers wait for: done once for all of them, and stopped when none of them wants it any
 * more.
 */
export type SharedWork<T> = (id: string, signal: AbortSignal, start: (signal: AbortSignal) => Promise<T>) => Promise<T>

interface Work<T> {
  readonly promise: Promise<T>
  readonly stop: AbortController
  callers: number
  ended: boolean
}

/**
 * Makes a place for shared work. A caller whose signal aborts is let go at once while others still wait; the last one
 * waits until what it started has ended. What was stopped is started anew for whoever asks later; what failed stays
 * failed.
 */
export function createSharedWork<T>(): SharedWork<T> {
  const works = new Map<string, Work<T>>()

  return (id, signal, start) => {
    let work = works.get(id)
    if (!work || work.stop.signal.aborted) works.set(id, (work = begin(start)))
    return work.ended ? work.promise : join(work, signal)
  }

  function begin(start: (signal: AbortSignal) => Promise<T>): Work<T> {
    const stop = new AbortController()
    const work: Work<T> = { promise: start(stop.signal), stop, callers: 0, ended: false }
    const end = () => void (work.ended = true)
    work.promise.then(end, end)
    return work
  }

  function join(work: Work<T>, signal: AbortSignal): Promise<T> {
    work.callers += 1
    return new Promise((resolve, reject) => {
      const leave = () => {
        work.callers -= 1
        if (work.callers === 0) work.stop.abort(signal.reason)
        else reject(signal.reason)
      }
      const stay = () => signal.removeEventListener('abort', leave)
      work.promise.then(
        (value) => (stay(), resolve(value)),
        (error: unknown) => (stay(), reject(error)),
      )
      if (signal.aborted) leave()
      else signal.addEventListener('abort', leave, { once: true })
    })
  }
}
