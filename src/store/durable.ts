import {
  accessSync,
  type BigIntStats,
  constants,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
} from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { runProgram } from '../host/spawn.ts'
import { syncFolder, writeFileAtomic } from '../host/files.ts'
import type { StoreFolder } from './places.ts'
import { takePruneLease } from './lease.ts'

/*
 * A power cut may take the files of a snapshot, or their content, and leave its name and the record of its step. So
 * each build that made snapshots ends with a sync of the store's file system, and lists in `durable` what was there
 * before it. `boot` says on which boot of the machine the store was opened last: the first to open it on another one
 * takes the name of every snapshot that is not listed. Its step then runs again.
 *
 * A snapshot is known by its name and the time at which it got it (ctime): names of base layers are used again.
 */

/** Begins the names of snapshots that are not to be used any more: the next worker removes them. */
export const LOST = 'lost-'

/** Made by whoever needs it, and empty: nothing of it can be lost. */
const EMPTY = 'empty'
const OPENING = 60_000

/** On the first opening after a boot: gives up snapshots that may not be whole, and gives back how many. */
export async function dropUnsynced(folder: StoreFolder, boot: string | undefined): Promise<number> {
  const path = join(folder.root, 'boot')
  if (boot === undefined || readText(path) === boot || isReadOnly(folder.root)) return 0
  // Who finds the boot noted may build at once: nobody else may still be taking names away then
  const leases = join(folder.leases, 'boot')
  const lease = await takePruneLease(
    { ...folder, leases },
    { signal: new AbortController().signal, onWait: () => undefined, timeout: OPENING },
  )
  try {
    const last = readText(path)
    if (last === boot) return 0
    // A new store has none, nor one of an earlier version: that could not tell
    const lost = last === undefined ? 0 : drop(folder)
    if (lost > 0) await syncFolder(folder.snapshots)
    await writeFileAtomic(path, `${boot}\n`, { isPrivate: true })
    await syncFolder(folder.root)
    return lost
  } finally {
    lease.release()
    removeIfEmpty(leases)
  }
}

/** What lies there can be looked at; nothing is built from it. */
function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS'
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // somebody else waits for it; the last one removes it
  }
}

function drop(folder: StoreFolder): number {
  const durable = readDurable(folder)
  const lost = Object.entries(listSnapshots(folder)).filter(([name, time]) => durable[name] !== time)
  // Beside the others: who is not root cannot move a folder elsewhere that belongs to another user of an image
  for (const [name] of lost)
    renameSync(join(folder.snapshots, name), join(folder.snapshots, LOST + randomBytes(12).toString('hex')))
  return lost.length
}

/** Sees to it that all snapshots of now outlive a power cut; the caller holds a lease. Does nothing when they do. */
export async function makeDurable(folder: StoreFolder): Promise<void> {
  const now = listSnapshots(folder)
  const durable = readDurable(folder)
  if (Object.entries(now).every(([name, time]) => durable[name] === time)) return
  await runProgram('sync', ['--file-system', '--', folder.root])
  await writeFileAtomic(join(folder.root, 'durable'), JSON.stringify({ snapshots: now }), { isPrivate: true })
}

/** By name, when each got that name: nanoseconds. */
function listSnapshots({ snapshots }: StoreFolder): Record<string, string> {
  const found: Record<string, string> = Object.create(null) as Record<string, string>
  for (const name of readdirSync(snapshots)) {
    if (name === EMPTY || name.startsWith(LOST)) continue
    const stat: BigIntStats | undefined = lstatSync(join(snapshots, name), { bigint: true, throwIfNoEntry: false })
    if (stat) found[name] = String(stat.ctimeNs)
  }
  return found
}

/** Damaged, it lists nothing. */
function readDurable({ root }: StoreFolder): Readonly<Record<string, unknown>> {
  try {
    const { snapshots } = JSON.parse(readFileSync(join(root, 'durable'), 'utf8')) as { snapshots?: unknown }
    return Object.assign(Object.create(null) as Record<string, unknown>, snapshots)
  } catch {
    return {}
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
