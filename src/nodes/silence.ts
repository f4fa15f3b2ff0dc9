import { type Platform, samePlatform } from '../platform.ts'
import type { Node } from '../plan/types.ts'

/** Seconds after which it is said that a node does not answer. */
const SAY_AFTER = 5
/** Seconds that a node without a sign of life is waited for when the others can do everything. */
const ENOUGH = 8

/** What is known of the nodes of a build while some of them say nothing. */
export interface Silence {
  /** Aborted when nodes that have given no sign of life need not be waited for. */
  readonly enough: AbortSignal
  /** A node is there. */
  opened(node: Pick<Node, 'native'>): void
  /** Waits for a node, and says so when that takes long. */
  tell<T>(name: string, opening: Promise<T>): Promise<T>
  close(): void
}

/** What watching needs. */
export interface SilenceOptions {
  readonly wanted: readonly Platform[]
  /** Whether any node may do what another was named for. */
  readonly alike: boolean
  readonly warn: (message: string) => void
}

/**
 * Watches over the opening of nodes. Emulators do not count: who names a machine of another CPU would rather wait for
 * it.
 */
export function watchSilence({ wanted, alike, warn }: SilenceOptions): Silence {
  const enough = new AbortController()
  const there: Pick<Node, 'native'>[] = []
  let isLate = false
  const judge = () => {
    const runs = (platform: Platform) => there.some(({ native }) => native.some((one) => samePlatform(one, platform)))
    if (isLate && alike && there.length > 0 && wanted.every(runs)) enough.abort()
  }
  const timer = setTimeout(() => {
    isLate = true
    judge()
  }, ENOUGH * 1000)
  return {
    enough: enough.signal,
    opened(node) {
      there.push(node)
      judge()
    },
    async tell(name, opening) {
      const late = setTimeout(
        () => warn(`Waiting for ${name}: it has not answered for ${SAY_AFTER} s`),
        SAY_AFTER * 1000,
      )
      return opening.finally(() => clearTimeout(late))
    },
    close: () => clearTimeout(timer),
  }
}
