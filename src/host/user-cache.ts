import { existsSync, lstatSync, mkdirSync, realpathSync, type Stats } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { homeFolder } from './home.ts'

/** The folder `name` in this user's cache folder. A relative one would be one of whatever is built: it does not count. */
export function userCacheFolder(name: string): string {
  const caches = process.env['XDG_CACHE_HOME'] ?? ''
  return join(isAbsolute(caches) ? caches : join(homeFolder(process.env), '.cache'), 'xbuild', name)
}

const GROUP = 0o020
const OTHERS = 0o002
const STICKY = 0o1000

/**
 * Whether what lies in a folder is of this user alone, and nobody but root can put another folder in its place: not so
 * where HOME is the home of somebody else, or what is made in a folder for everybody.
 */
export function isOwnFolder(folder: string): boolean {
  try {
    const found = lstatSync(folder) // a symbolic link is none
    const isOwn = found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & (GROUP | OTHERS)) === 0
    return isOwn && isSafe(dirname(folder))
  } catch {
    return false // not there
  }
}

/** Makes such a folder, unless others could exchange it; says whether it is there now. Throws what the system says. */
export function makeOwnFolder(folder: string): boolean {
  let above = dirname(folder)
  while (!existsSync(above)) above = dirname(above)
  if (!isSafe(above)) return false
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return isOwnFolder(folder)
}

/** Whether nobody but this user and root can exchange what a folder and those above it hold of this user. */
function isSafe(folder: string): boolean {
  for (let path = realpathSync(folder); ; path = dirname(path)) {
    if (!isKept(lstatSync(path))) return false
    if (path === dirname(path)) return true
  }
}

/** Of a user's own group there is nobody else. */
function isKept({ uid, gid, mode }: Stats): boolean {
  if (![0, process.geteuid?.()].includes(uid)) return false
  const mayWrite = (mode & OTHERS) !== 0 || ((mode & GROUP) !== 0 && ![0, process.getegid?.()].includes(gid))
  return !mayWrite || (mode & STICKY) !== 0
}
