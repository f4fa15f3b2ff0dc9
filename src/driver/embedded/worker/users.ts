import { lstatSync, readFileSync } from 'node:fs'
import { XbuildError } from '../../../errors.ts'
import { resolveInRoot } from '../in-root.ts'

/** Ids a process runs with, or a file belongs to. */
export interface Ids {
  readonly uid: number
  readonly gid: number
  readonly additionalGids: readonly number[]
  readonly home?: string
}

const MAX_FILE = 4 << 20

/** Lines of a colon-separated file of the image, each split; nothing when it is not a readable file. */
function table(root: string, path: string): string[][] {
  const file = resolveInRoot(root, path)
  const found = lstatSync(file, { throwIfNoEntry: false })
  if (!found?.isFile() || found.size > MAX_FILE) return []
  return readFileSync(file, 'utf8').split('\n').map((line) => line.split(':'))
}

const isNumber = (text: string) => /^\d+$/.test(text)

/** Ids of `USER` text (`name`, `uid`, either with `:group`), as runtimes resolve it in the image's own files. */
export function resolveUser(root: string, text: string): Ids {
  const [user = '', group] = text.split(':', 2)
  if (user === '' && group === undefined) return { uid: 0, gid: 0, additionalGids: [] }
  const passwd = table(root, '/etc/passwd')
  const byName = user === '' ? undefined : passwd.find((row) => row[0] === user)
  const row = byName ?? (isNumber(user) ? passwd.find((entry) => entry[2] === user) : undefined)
  if (!row && !isNumber(user) && user !== '') {
    throw new XbuildError('NOT_FOUND', `Cannot run as user "${user}": the image's /etc/passwd has no such name`, {
      hint: 'Create the user in an earlier RUN, or give a number',
    })
  }
  const uid = row ? Number(row[2]) : user === '' ? 0 : Number(user)
  const groups = table(root, '/etc/group')
  let gid = row ? Number(row[3]) : 0
  let additionalGids: number[] = []
  if (group !== undefined && group !== '') {
    const found = groups.find((entry) => entry[0] === group)
    if (!found && !isNumber(group)) {
      throw new XbuildError('NOT_FOUND', `Cannot run as group "${group}": the image's /etc/group has no such name`, {
        hint: 'Create the group in an earlier RUN, or give a number',
      })
    }
    gid = found ? Number(found[2]) : Number(group)
  } else if (row) {
    additionalGids = groups.filter((entry) => (entry[3] ?? '').split(',').includes(row[0]!)).map((entry) => Number(entry[2])).filter(Number.isInteger)
  }
  return { uid, gid, additionalGids, ...(row?.[5] ? { home: row[5] } : {}) }
}

/** Owner of `--chown` text; an unknown name is 0, as in BuildKit, and named in `unknown`. */
export function resolveOwner(root: string, text: string): { uid: number; gid: number; unknown?: string } {
  const [user = '', group] = text.split(':', 2)
  const row = table(root, '/etc/passwd').find((entry) => entry[0] === user)
  const groupRow = group === undefined ? undefined : table(root, '/etc/group').find((entry) => entry[0] === group)
  const uid = row ? Number(row[2]) : isNumber(user) ? Number(user) : 0
  const gid = group !== undefined ? (groupRow ? Number(groupRow[2]) : isNumber(group) ? Number(group) : 0) : row ? Number(row[3]) : isNumber(user) ? Number(user) : 0
  const unknown = !row && user !== '' && !isNumber(user) ? user : group !== undefined && group !== '' && !groupRow && !isNumber(group) ? group : undefined
  return { uid, gid, ...(unknown ? { unknown } : {}) }
}
