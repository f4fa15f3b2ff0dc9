import type { Terminal } from './terminal.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs work that can be stopped from outside: the first signal aborts and lets the work clean up, the second ends the
 * program at once with status 130.
 */
export async function withSignals<T>(
  terminal: Pick<Terminal, 'on' | 'off' | 'exit'>,
  { onStop, work }: { readonly onStop: () => void; readonly work: (signal: AbortSignal) => Promise<T> },
): Promise<T> {
  const controller = new AbortController()
  const stop = () => {
    if (controller.signal.aborted) terminal.exit(130)
    onStop()
    controller.abort()
  }
  for (const name of SIGNALS) terminal.on(name, stop)
  try {
    return await work(controller.signal)
  } catch (error) {
    controller.signal.throwIfAborted() // what failed because of the stop is a stop
    throw error
  } finally {
    for (const name of SIGNALS) terminal.off(name, stop)
  }
}
