import { compact } from '../../compact.ts'
import { XbuildError } from '../../errors.ts'
import { readFileSync } from '../../host/byte-files.ts'
import { resolveInRoot } from '../../content/in-root.ts'
import { lstatIfPresent } from '../../content/lstat.ts'

/** Ids a process runs with, or a file belongs to. */
export interface Ids {
  readonly uid: number
  readonly gid: number
  /** All groups of the process, its first one among them. */
  readonly additionalGids: readonly number[]
  readonly home?: string
}

/** One line of the image's passwd or group: both have the name first and the id third. */
interface Row {
  readonly name: string
  readonly id: number
  readonly fields: readonly string[]
}

/** A longer file is no list of users. Bytes. */
export const MAX_USER_FILE: number = 4 << 20
/** The largest id that runtimes take. */
const MAX_ID = 2 ** 31 - 1

/**
 * Ids of `USER` text (`name`, `uid`, either with `:group`), as runtimes resolve it in the image's own files. Throws
 * NOT_FOUND.
 */
export function resolveUser(root: string, text: string): Ids {
  const [user, group] = split(text)
  // Nobody named is root, with root's groups
  const row = user === '' && group !== '' ? undefined : find(table(root, '/etc/passwd'), user || '0')
  const uid = row?.id ?? (user === '' ? 0 : numberOf(user))
  if (uid === undefined) throw unknown('user', user, '/etc/passwd')
  const home = row?.fields[5] ? { home: row.fields[5] } : {}
  const groups = table(root, '/etc/group')
  if (group !== '') {
    const gid = find(groups, group)?.id ?? numberOf(group)
    if (gid === undefined) throw unknown('group', group, '/etc/group')
    return { uid, gid, additionalGids: [gid], ...home }
  }
  const gid = numberOf(row?.fields[3] ?? '') ?? 0
  const others = row ? groups.filter(({ fields }) => fields[3]?.split(',').includes(row.name)).map(({ id }) => id) : []
  return { uid, gid, additionalGids: others.includes(gid) ? others : [gid, ...others], ...home }
}

/**
 * Owner of `--chown` text; an unknown user is 0, an unknown group the user's, as in BuildKit, and named in `unknown`.
 * A number without a group is both ids, `user:` is of group 0, and "root" is 0 whatever the image's files say.
 */
export function resolveOwner(root: string, text: string): { uid: number; gid: number; unknown?: string } {
  const colon = text.indexOf(':')
  const [user, group] = colon === -1 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)]
  const rowOf = (file: string, wanted: string) => table(root, file).find(({ name }) => name === wanted)
  const number = user === 'root' ? 0 : numberOf(user)
  const row = number === undefined && user !== '' ? rowOf('/etc/passwd', user) : undefined
  const uid = number ?? row?.id
  const own = row ? (numberOf(row.fields[3] ?? '') ?? 0) : uid
  const gid =
    group === undefined
      ? own
      : group === '' || group === 'root'
        ? 0
        : (numberOf(group) ?? rowOf('/etc/group', group)?.id)
  const unknown = user !== '' && uid === undefined ? user : group && gid === undefined ? group : undefined
  return { uid: uid ?? 0, gid: gid ?? own ?? 0, ...compact({ unknown }) }
}

function split(text: string): [user: string, group: string] {
  const [user = '', group = ''] = text.split(':', 2)
  return [user, group]
}

/** A name goes before a number, for there are names like 1000. */
function find(rows: readonly Row[], text: string): Row | undefined {
  return rows.find(({ name }) => name === text) ?? rows.find(({ id }) => id === numberOf(text))
}

function numberOf(text: string): number | undefined {
  // Runtimes take a plus, as Go does
  if (!/^\+?\d+$/.test(text)) return undefined
  if (Number(text) <= MAX_ID) return Number(text)
  throw new XbuildError('BAD_DOCKERFILE', `Cannot use the id ${text.slice(0, 40)}: the largest id is ${MAX_ID}`, {
    hint: 'Use a smaller number',
  })
}

function unknown(what: string, name: string, file: string): XbuildError {
  return new XbuildError('NOT_FOUND', `Cannot run as ${what} "${name}": the image's ${file} has no such name`, {
    hint: `Create the ${what} in an earlier RUN, or give a number`,
  })
}

/** The good lines of a colon-separated file of the image; none when it is not there. */
function table(root: string, path: string): Row[] {
  const file = resolveInRoot(root, path)
  const found = lstatIfPresent(file)
  if (!found?.isFile()) return []
  if (found.size > MAX_USER_FILE)
    throw new XbuildError('BAD_IMAGE', `Cannot read the image's ${path}: it has ${found.size} bytes`, {
      hint: 'Use another base image',
    })
  return readFileSync(file)
    .toString()
    .split('\n')
    .flatMap((line) => {
      const fields = line.trim().split(':')
      const isRow = fields[0] !== '' && /^\d+$/.test(fields[2] ?? '') && Number(fields[2]) <= MAX_ID
      return isRow ? [{ name: fields[0]!, id: Number(fields[2]), fields }] : []
    })
}
