import { statfsSync } from 'node:fs'
import { XbuildError } from '../errors.ts'

/** What a disk has. Bytes. */
export interface Room {
  readonly free: number
  readonly total: number
}

/** Between two looks at the disk, or less where less is left. Bytes. */
const EVERY = 32 << 20
/** What is left for others: a hundredth of the disk, no more than this. Bytes. */
const MOST_KEPT = 1 << 30

/**
 * A meter for bytes that others send into `folder`: archives hold a thousand times their size, answers need not end, and
 * neither must fill the disk.
 */
export function createRoomMeter(
  folder: string,
  { readRoom = roomOf, what = 'unpack into' }: { readRoom?: (folder: string) => Room; what?: string } = {},
): (bytes: number) => void {
  let unseen = 0
  return (bytes) => {
    unseen -= bytes
    if (unseen > 0) return
    const { free, total } = readRoom(folder)
    const room = free - Math.min(total / 100, MOST_KEPT)
    unseen = Math.min(EVERY, room)
    if (room > 0) return
    throw new XbuildError(
      'HOST',
      `Cannot ${what} "${folder}": the disk is nearly full (${Math.floor(free / (1 << 20))} MiB are left)`,
      {
        hint: 'Free space, or name another folder with XBUILD_HOME; xbuild prune empties the store',
      },
    )
  }
}

function roomOf(folder: string): Room {
  const { bavail, blocks, bsize } = statfsSync(folder)
  return { free: bavail * bsize, total: blocks * bsize }
}
