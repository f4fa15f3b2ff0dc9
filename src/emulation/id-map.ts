import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { findProgram } from '../host/files.ts'

/** `inside outside count`: one line of uid_map or gid_map (user_namespaces(7)). */
export type IdRange = readonly [inside: number, outside: number, count: number]

/**
 * Which ids a rootless build has: those of /etc/subuid and /etc/subgid, or the user's own alone with the reason why.
 */
export type RootlessIds =
  | { readonly kind: 'ranges'; readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] }
  | {
      readonly kind: 'single'
      readonly uids: readonly IdRange[]
      readonly gids: readonly IdRange[]
      /** What is not there: the programs that map ids, or a range of ids in both files. */
      readonly lacks: 'programs' | 'ranges'
      readonly reason: string
      readonly hint: string
    }

/** The map that gives a new user namespace exactly the ids this process has; `text` is /proc/self/uid_map. */
export function identityMap(text: string): IdRange[] {
  return parseRows(text, /\s+/).map(([inside, , count]) => [Number(inside), Number(inside), Number(count)])
}

/** The ranges that a line `user:start:count` of /etc/subuid or /etc/subgid gives to a user, by name or by number. */
export function subordinateRanges(
  text: string,
  user: { readonly name: string; readonly uid: number },
): { start: number; count: number }[] {
  return parseRows(text, ':')
    .filter(([owner]) => owner === user.name || owner === String(user.uid))
    .map(([, start, count]) => ({ start: Number(start), count: Number(count) }))
    .filter(({ start, count }) => Number.isSafeInteger(start) && start > 0 && Number.isSafeInteger(count) && count > 0)
}

function parseRows(text: string, separator: string | RegExp): string[][] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(separator))
}

/** The last of the 32-bit numbers means "no id". */
const MOST = 0xffffffff

interface Span {
  readonly start: number
  readonly count: number
}

/**
 * Root inside is the user outside; the subordinate ranges follow from id 1 on. The kernel takes no map that has an id
 * twice: what several ranges have, or the user is, counts once.
 */
export function rootlessMap(own: number, ranges: readonly Span[]): IdRange[] {
  const map: IdRange[] = [[0, own, 1]]
  const taken: Span[] = [{ start: own, count: 1 }]
  let inside = 1
  for (const range of ranges)
    for (const span of without(range, taken)) {
      const count = Math.min(span.count, MOST - Math.max(span.start, inside))
      if (count <= 0) continue
      map.push([inside, span.start, count])
      taken.push(span)
      inside += count
    }
  return map
}

/** What is left of a range. */
function without(range: Span, taken: readonly Span[]): readonly Span[] {
  return taken.reduce<readonly Span[]>(
    (left, hole) =>
      left.flatMap(({ start, count }) => {
        const [end, holeEnd] = [start + count, hole.start + hole.count]
        if (holeEnd <= start || hole.start >= end) return [{ start, count }]
        const before = { start, count: hole.start - start }
        const after = { start: holeEnd, count: end - holeEnd }
        return [before, after].filter((span) => span.count > 0)
      }),
    [range],
  )
}

/** As the kernel reads it from uid_map. */
export function formatMap(map: readonly IdRange[]): string {
  return map.map((range) => `${range.join(' ')}\n`).join('')
}

/** Looks up what ids this user may give to a user namespace. */
export async function rootlessIds(path: string = process.env['PATH'] ?? ''): Promise<RootlessIds> {
  const [uid, gid] = [process.geteuid!(), process.getegid!()]
  const user = { name: userName(uid), uid }
  const [subuid, subgid, newuidmap, newgidmap] = await Promise.all([
    readFile('/etc/subuid', 'utf8').catch(() => ''),
    readFile('/etc/subgid', 'utf8').catch(() => ''),
    findProgram('newuidmap', path),
    findProgram('newgidmap', path),
  ])
  const uids = subordinateRanges(subuid, user)
  const gids = subordinateRanges(subgid, user)
  if (newuidmap && newgidmap && uids.length && gids.length) {
    return { kind: 'ranges', uids: rootlessMap(uid, uids), gids: rootlessMap(gid, gids) }
  }
  const single = { kind: 'single', uids: rootlessMap(uid, []), gids: rootlessMap(gid, []) } as const
  if (!newuidmap || !newgidmap) {
    return {
      ...single,
      lacks: 'programs',
      reason: 'newuidmap and newgidmap are not installed',
      hint: 'Install them: sudo apt-get install uidmap',
    }
  }
  const { name } = user
  const range = `${name}:100000:65536`
  return {
    ...single,
    lacks: 'ranges',
    reason: `/etc/subuid and /etc/subgid give no ids to ${name}`,
    hint: `Add "${range}" to both, or run: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name}`,
  }
}

function userName(uid: number): string {
  try {
    return userInfo().username
  } catch {
    return String(uid) // a uid without an entry in /etc/passwd, as containers have it
  }
}
