import { readFileSync, type Stats } from 'node:fs'
import { chmod, mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { XbuildError } from '../errors.ts'
import { makeFolders } from '../host/files.ts'

/*
 * Root runs what lies in the store: the configuration of containers, toolchains, layers with set-user-id programs. So
 * nobody but its owner may enter it, and nobody else may be able to put another folder in its place.
 */

/** Who asks. `sudoUid`: who became root by sudo, and is trusted with his own folders. */
export interface Owner {
  readonly uid: number
  readonly gid: number
  readonly sudoUid?: number
}

const SHARED = 0o077
const WRITABLE_BY_ALL = 0o002
const WRITABLE_BY_GROUP = 0o020
const STICKY = 0o1000

/**
 * Makes a folder that only `owner` can enter, or makes one private that an older version left open. Throws STORE when
 * somebody else owns it, or could have changed what is in it.
 */
export async function privateFolder(path: string, owner: Owner): Promise<void> {
  await makeFolders(dirname(path))
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const found = await stat(path)
  if (!found.isDirectory()) throw refused(path, 'it is not a folder')
  const reason = whyNotPrivate(found, owner)
  if (reason !== undefined) throw refused(path, reason)
  if ((found.mode & SHARED) !== 0) await chmod(path, (found.mode & 0o7777 & ~SHARED) | 0o700)
}

/** Checks that no other user can put another folder in the place of `path`, which exists. Throws STORE. */
export async function checkParents(path: string, owner: Owner): Promise<void> {
  const strangers = mayBeUnmapped() ? [OVERFLOW_UID] : []
  const trusted = [0, owner.uid, ...(owner.sudoUid === undefined ? [] : [owner.sudoUid]), ...strangers]
  const folders = new Set([...foldersAbove(resolve(path)), ...foldersAbove(await realpath(path))])
  for (const folder of folders) {
    const found = await stat(folder)
    const sticky = (found.mode & STICKY) !== 0
    if (!trusted.includes(found.uid)) throw refused(path, `user ${found.uid} owns "${folder}" and could replace it`)
    if ((found.mode & WRITABLE_BY_ALL) !== 0 && !sticky) {
      throw refused(path, `every user may write to "${folder}" and could replace it`)
    }
  }
}

function foldersAbove(path: string): string[] {
  const above = dirname(path)
  return above === path ? [] : [above, ...foldersAbove(above)]
}

/** Why a folder cannot be made private by changing its mode. */
function whyNotPrivate({ uid, gid, mode }: Stats, owner: Owner): string | undefined {
  if (uid !== owner.uid) return `it belongs to user ${uid}, not to user ${owner.uid}`
  if ((mode & WRITABLE_BY_ALL) !== 0) return 'every user may write to it'
  // With the umask 002 of some distributions, older versions left it open to the user's own group
  if ((mode & WRITABLE_BY_GROUP) !== 0 && gid !== owner.gid) return `the group ${gid} may write to it`
  return undefined
}

function refused(path: string, reason: string): XbuildError {
  return new XbuildError('STORE', `Cannot use the store folder "${path}": ${reason}`, {
    hint: 'Name a folder of your own with --store or XBUILD_HOME; remove the old one if you do not know who wrote to it',
  })
}

const OVERFLOW_UID = 65534

/** In a user namespace, folders of users that are not mapped seem to belong to the overflow user. */
function mayBeUnmapped(): boolean {
  try {
    return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'))
  } catch {
    return false
  }
}
