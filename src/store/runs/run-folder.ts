import { randomInt } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { ownMark, readMark } from '../../host/process-mark.ts'
import { removeTree } from '../../host/remove-tree.ts'
import type { StoreFolder } from '../places.ts'

/** The name of a run: when it began (UTC), its millisecond (base 36), and what tells it from others of that one. */
export const RUN_ID: RegExp = /^\d{8}-\d{6}-[0-9a-z]{4}$/

/** So many runs are kept, and for so long; milliseconds. */
const KEPT = 200
const SLACK = 20
const KEPT_FOR = 30 * 86_400_000

/** So long a prune leaves runs alone, and what an image needs that is built and not yet published; milliseconds. */
export const PINNED_FOR: number = 7 * 86_400_000

/** The folder with a folder for each run. */
export function runsFolder({ root }: Pick<StoreFolder, 'root'>): string {
  return join(root, 'runs')
}

/** The folder of a run. Throws for what is no name of a run. */
export function runFolder(folder: Pick<StoreFolder, 'root'>, id: string): string {
  if (!RUN_ID.test(id)) throw new TypeError(`no run is called ${JSON.stringify(id)}`)
  return join(runsFolder(folder), id)
}

/** Makes the folder of a new run and gives back its name. */
export function makeRunFolder(folder: Pick<StoreFolder, 'root'>, now: number): string {
  const [day, time] = new Date(now).toISOString().replaceAll(/[-:]/g, '').split(/[T.]/)
  const millisecond = base36(now % 1000)
  for (;;) {
    const id = `${day}-${time}-${millisecond}${base36(randomInt(36 ** 2))}`
    try {
      mkdirSync(runFolder(folder, id), { mode: 0o700 })
      return id
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') mkdirSync(runsFolder(folder), { recursive: true, mode: 0o700 })
      else if (code !== 'EEXIST') throw error
    }
  }
}

/** A number below 36 * 36 as two digits. */
function base36(number: number): string {
  return number.toString(36).padStart(2, '0')
}

/** When a run began, as its name tells: milliseconds since the epoch. */
export function beganAt(id: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)/.exec(id) ?? []
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

/** The names of all runs, oldest first. What is no folder of this user is none. */
export function listRuns(folder: Pick<StoreFolder, 'root'>): string[] {
  let names: string[]
  try {
    names = readdirSync(runsFolder(folder))
  } catch {
    return []
  }
  return names.filter((name) => RUN_ID.test(name)).sort()
}

/** Removes the oldest runs when there are more than are kept. `isKept` may spare one. */
export function removeOldRuns(
  folder: Pick<StoreFolder, 'root'>,
  { now, isKept }: { readonly now: number; readonly isKept: (id: string) => boolean },
): string[] {
  const ids = listRuns(folder)
  const tooMany = ids.length > KEPT + SLACK ? ids.length - KEPT : 0
  const old = ids.filter((id, index) => index < tooMany || !(beganAt(id) >= now - KEPT_FOR)).filter((id) => !isKept(id))
  for (const id of old) removeTree(runFolder(folder, id))
  return old
}

/**
 * The beginning of a file of a run, at most `limit` bytes. Undefined when it is not there, or is anything else than a
 * file of this user: the store is private, but what lies in it may come from a copy or an archive.
 */
export function readOwnFile(path: string, limit: number): Buffer | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    if (!isOwnFile(fd)) return undefined
    const bytes = Buffer.allocUnsafe(Math.min(limit, fstatSync(fd).size))
    let length = 0
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = readSync(fd, bytes, length, bytes.length - length, length)
    return bytes.subarray(0, length)
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}

/** Whether an open file is a file of this user. */
export function isOwnFile(fd: number): boolean {
  const found = fstatSync(fd)
  return found.isFile() && found.uid === (process.geteuid?.() ?? found.uid)
}

/** Whether a run has a folder that is this user's. */
export function isOwnFolder(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found?.isDirectory() === true && found.uid === (process.geteuid?.() ?? found.uid)
}

/**
 * Makes this process the one that goes on with a run, as the `attempt`th. Throws when another process does: of two
 * that begin at once one makes the file.
 */
export function claimAttempt(folder: string, attempt: number, isGone: (mark: string) => boolean): void {
  for (let number = attempt; ; number++) {
    const path = join(folder, `attempt-${number}`)
    try {
      writeFileSync(path, ownMark(), { flag: 'wx', mode: 0o600 })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const mark = readMark(readOwnFile(path, 200)?.toString('latin1') ?? '')
      if (mark && mark.text !== ownMark() && !isGone(mark.text))
        throw new XbuildError('STORE', `Cannot resume "${basename(folder)}": process ${mark.pid} works on it`)
    }
  }
}
