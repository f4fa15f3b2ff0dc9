import { createHash } from 'node:crypto'
import type { FolderRead } from '../../../content/built-image.ts'
import { treeFilter } from './filter.ts'
import { followPaths } from './follow.ts'
import { folderTree, type TreeEntry } from './tree.ts'

/**
 * What a listing comes to, told entry by entry: equal listings of a folder have equal fingerprints, and files that
 * changed another one.
 */
export interface Fingerprint {
  add(entry: TreeEntry): void
  /**
   * Undefined when something changed so shortly before the listing began that the clock of the file system may not
   * tell a further change.
   */
  end(): string | undefined
}

/** The clocks of file systems go in steps of up to ten milliseconds; nanoseconds. */
const STEP = 20_000_000n

/** More than the longest entry: paths and links of Linux have at most 4,096 bytes. */
const ROOM = 64 << 10
const MOST_OF_AN_ENTRY = 3 * 2 * 4096 + 64

/**
 * Of a folder only its name and mode count: its times tell of what came and went in it, which is listed anyway, or is
 * not wanted.
 */
export function createFingerprint(): Fingerprint {
  const hash = createHash('sha256')
  const began = BigInt(Date.now()) * 1_000_000n
  let newest = 0n
  // Numbers go in as they are: of tens of thousands of files, writing them as text would be felt
  const buffer = Buffer.allocUnsafe(ROOM)
  let used = 0
  const put = (text: string) => {
    used += buffer.write(text, used)
    buffer[used++] = 0
  }
  const flush = () => {
    hash.update(buffer.subarray(0, used))
    used = 0
  }
  return {
    add({ path, mode, size, modified, changed, linkname, isFile }) {
      if (ROOM - used < MOST_OF_AN_ENTRY) flush()
      put(path)
      used = buffer.writeUInt32LE(mode, used)
      if (!isFile && linkname === undefined) return
      for (const number of [size, modified, changed]) used = buffer.writeBigInt64LE(number, used)
      put(linkname ?? '')
      if (isFile && changed > newest) newest = changed
    },
    end() {
      flush()
      return newest > began - STEP ? undefined : hash.digest('hex')
    },
  }
}

/** The fingerprint of what a folder would answer now. Throws XbuildError for what cannot be read. */
export function fingerprintOf({
  folder,
  include,
  exclude,
  follow,
}: Omit<FolderRead, 'fingerprint'>): string | undefined {
  const fingerprint = createFingerprint()
  for (const entry of folderTree(folder, () => []).entries(
    treeFilter({ include: [...include, ...followPaths(folder, follow)], exclude }),
  ))
    fingerprint.add(entry)
  return fingerprint.end()
}
