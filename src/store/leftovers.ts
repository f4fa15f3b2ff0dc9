import { randomBytes } from 'node:crypto'
import { isAlive } from '../host/alive.ts'
import { ownMark, readMark, stateOf } from '../host/process-mark.ts'
import type { StoreFolder } from './places.ts'
import { holders } from './lease.ts'

/** A name that no other process uses and that tells whose it is: `<mark>-<what>-<random>`. */
export function markedName(what: string): string {
  return `${ownMark()}-${what}-${randomBytes(6).toString('hex')}`
}

/**
 * Tells of names that begin with a process mark whether their process is gone. One of another container counts as gone
 * when it holds no lease: each build and prune holds one, and renews it, for as long as it lives.
 */
export function goneProcesses(folder: StoreFolder): (name: string) => boolean {
  let living: ReadonlySet<string> | undefined
  return (name) => {
    const mark = readMark(name)
    if (!mark) return isGoneOfOld(name)
    const state = stateOf(mark)
    if (state !== 'foreign') return state === 'gone'
    living ??= new Set(holders(folder).map((holder) => holder.mark))
    return !living.has(mark.text)
  }
}

/** Older versions began names with the process id alone. */
function isGoneOfOld(name: string): boolean {
  const pid = Number(/^(\d{1,10})[-.]/.exec(name)?.[1])
  return pid > 0 && !isAlive(pid)
}
