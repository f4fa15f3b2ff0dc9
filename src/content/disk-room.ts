import { statfsSync } from 'node:fs'
import { XbuildError } from '../errors.ts'

/** What a disk has. Bytes. */
export interface Room {
  readonly free: number
  readonly total: number
}

/** Between two looks at the disk. Bytes. */
const EVERY = 32 << 20
/** What an archive leaves for others: a hundredth of the disk, no more than this. Bytes. */
const MOST_KEPT = 1 << 30

/**
 * A meter for the bytes of an archive that is unpacked into `folder`: some packed ones hold a thousand times their
 * size, and must not fill the disk.
 */
export function createRoomMeter(
  folder: string,
  { readRoom = roomOf, what = 'unpack into' }: { readRoom?: (folder: string) => Room; what?: string } = {},
): (bytes: number) => void {
  let since = EVERY
  return (bytes) => {
    since += bytes
    if (since < EVERY) return
    since = 0
    const { free, total } = readRoom(folder)
    if (free > Math.min(total / 100, MOST_KEPT)) return
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
