import { join } from 'node:path'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from '../../host/byte-files.ts'
import type { WorkerFolders } from './overlay.ts'

/**
 * Paths at which two snapshots hold different things: type, mode, owner, content or target of a link; times do not
 * count.
 */
export function compareSnapshots(
  { snapshots }: WorkerFolders,
  [one, other]: readonly [string, string],
): { paths: string[] } {
  const paths: string[] = []
  const [left, right] = [join(snapshots, one), join(snapshots, other)]

  function visit(path: string): void {
    const [a, b] = [join(left, path), join(right, path)]
    if (describe(a) !== describe(b)) return void paths.push(path)
    if (lstatSync(a)?.isFile() && !readFileSync(a).equals(readFileSync(b))) paths.push(path)
    if (!lstatSync(a)?.isDirectory()) return
    for (const name of new Set([...readdirSync(a), ...readdirSync(b)].sort())) visit(`${path}/${name}`)
  }

  visit('')
  return { paths }
}

function describe(path: string): string {
  const found = lstatSync(path)
  if (!found) return ''
  const { mode, uid, gid, rdev } = found
  return [mode, uid, gid, found.isFile() ? found.size : rdev, found.isSymbolicLink() ? readlinkSync(path) : ''].join(
    ' ',
  )
}
