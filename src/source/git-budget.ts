import { XbuildError } from '../errors.ts'
import type { GitLimits } from './git-limits.ts'

/** What a repository and its submodules may still have. All of them throw UNSUPPORTED when it is too much. */
export interface GitBudget {
  /** Counts what ends with a zero byte in git's output. */
  count(chunk: Buffer): void
  /** Counts bytes of a list that is held in memory. */
  countListed(chunk: Buffer): void
  /** Goes one level of submodules down. */
  enter(): void
  leave(): void
}

const MOST_LISTED = 256 << 20

/** Counts files and folders, before they are made where it can be: few kilobytes of trees name more than any disk holds. */
export function createBudget(what: string, { entries, depth }: Pick<GitLimits, 'entries' | 'depth'>): GitBudget {
  let [counted, listed, level] = [0, 0, 0]
  const tooMuch = (state: string) =>
    new XbuildError('UNSUPPORTED', `Cannot ${what}: it has more than ${state}`, {
      hint: 'Take the files from an archive, or from a folder of this machine',
    })
  return {
    count(chunk) {
      for (let at = chunk.indexOf(0); at >= 0; at = chunk.indexOf(0, at + 1)) counted += 1
      if (counted > entries) throw tooMuch(`${entries} files and folders`)
    },
    countListed({ length }) {
      listed += length
      if (listed > MOST_LISTED) throw tooMuch(`${MOST_LISTED} bytes of names`)
    },
    enter() {
      level += 1
      if (level > depth) throw tooMuch(`${depth} levels of submodules`)
    },
    leave() {
      level -= 1
    },
  }
}
