import { statfs } from 'node:fs/promises'
import type { Store } from '../store/store.ts'
import { here, type Finding } from './finding.ts'

/** What a file system has: bytes, and files that can still be made (undefined where there is no limit). */
export interface Room {
  readonly free: number
  readonly total: number
  readonly files: number | undefined
}

const GB = 1e9
const PRUNE = 'Free space: xbuild prune; or put the store elsewhere with XBUILD_HOME'

/** Whether there is room in the store. */
export async function checkDisk({ folder: { root } }: Store): Promise<Finding> {
  const { bavail, blocks, bsize, files, ffree } = await statfs(root)
  return judgeRoom(root, { free: bavail * bsize, total: blocks * bsize, files: files > 0 ? ffree : undefined })
}

/** The same for known numbers. */
export function judgeRoom(root: string, { free, total, files }: Room): Finding {
  const text = `${shown(free)} of ${shown(total)} are free in ${root}`
  if (files !== undefined && files < 10_000)
    return here(
      'disk',
      files < 500 ? 'problem' : 'warning',
      `${files} more files can be made in ${root}: an image may hold many more`,
      { fix: PRUNE },
    )
  // The first is where layers are not unpacked any more
  if (free < Math.max(Math.min(total / 100, 1 << 30), GB / 10)) return here('disk', 'problem', text, { fix: PRUNE })
  return free < Math.max(Math.min(total / 20, 5 * GB), GB)
    ? here('disk', 'warning', text, { fix: PRUNE })
    : here('disk', 'ok', text)
}

function shown(bytes: number): string {
  return bytes < GB ? `${Math.floor(bytes / 1e6)} MB` : `${(bytes / GB).toFixed(1)} GB`
}
