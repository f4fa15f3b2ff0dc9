import { readFileSync, realpathSync } from 'node:fs'
import { runProgram } from '../../host/spawn.ts'

/** A line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)), as far as it is used here. */
export interface SeenMountPoint {
  readonly path: string
  readonly options: readonly string[]
}

/** What is mounted in this namespace; what comes later lies upon what comes before. */
export function mountPoints(): SeenMountPoint[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => {
    const [, , , , path = '', options = ''] = line.split(' ')
    return {
      path: path.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8))),
      options: options.split(','),
    }
  })
}

/**
 * Takes away whatever is mounted below a folder. Says whether nothing is left: through a mount a removal would go on
 * in what is mounted.
 */
export async function unmountBelow(folder: string): Promise<boolean> {
  for (let left = mountsBelow(folder); left.length > 0; ) {
    // What is mounted deeper goes with these, and is not named: others may exchange what its path leads through
    const tops = left.filter((path) => !left.some((other) => path.startsWith(`${other}/`)))
    for (const path of tops) await runProgram('umount', ['-l', path]).catch(() => undefined)
    const now = mountsBelow(folder)
    if (now.length >= left.length) return false
    left = now
  }
  return true
}

/** Where something is mounted in a folder, or on it. */
export function mountsBelow(folder: string): string[] {
  const real = realpathSync(folder)
  return mountPoints()
    .map(({ path }) => path)
    .filter((path) => path === real || path.startsWith(`${real}/`))
}
