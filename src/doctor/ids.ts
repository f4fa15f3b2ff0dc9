import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { rootlessIds } from '../emulation/id-map.ts'
import { here, type Finding } from './finding.ts'
import type { Machine } from './machine.ts'

/** As many as images use. */
const ENOUGH = 65_536

/** Whether an ordinary user has ids to build other users' files with; root has all. */
export async function checkIds({ uid, env }: Machine): Promise<Finding[]> {
  if (uid === 0) return []
  const ids = await rootlessIds(env['PATH'])
  const count = (ranges: typeof ids.uids) => ranges.reduce((sum, [, , length]) => sum + length, 0)
  if (ids.kind === 'ranges') {
    const fewest = Math.min(count(ids.uids), count(ids.gids))
    if (fewest > ENOUGH) return [here('ids', 'ok', `${fewest} ids for the users inside of images`)]
    return [
      here('ids', 'warning', `/etc/subuid and /etc/subgid give ${fewest - 1} ids: images may use ${ENOUGH}`, {
        fix: 'Give this user a longer range in both files',
      }),
    ]
  }
  if (ids.lacks === 'programs')
    return [
      here('ids', 'warning', `${ids.reason}: only images with the files of one user can be built`, {
        fix: ids.hint,
        repair: { kind: 'packages', packages: ['uidmap'] },
      }),
    ]
  const texts = await Promise.all(['/etc/subuid', '/etc/subgid'].map((path) => readFile(path, 'utf8').catch(() => '')))
  const start = freeStart(texts)
  const user = userInfo().username
  const end = start + ENOUGH - 1
  return [
    here('ids', 'warning', `${ids.reason}: only images with the files of one user can be built`, {
      fix: `Give a range to this user: sudo usermod --add-subuids ${start}-${end} --add-subgids ${start}-${end} ${user}`,
      repair: { kind: 'ids', user, start, count: ENOUGH },
    }),
  ]
}

/** The first id after all ranges in files like /etc/subuid, and not before the one where useradd begins. */
export function freeStart(texts: readonly string[]): number {
  const ends = texts
    .flatMap((text) => text.split('\n'))
    .map((line) => {
      const [, start, count] = line.split(':').map(Number)
      return start !== undefined && count !== undefined && Number.isSafeInteger(start + count) ? start + count : 0
    })
  return Math.max(100_000, ...ends)
}
