import { createHash } from 'node:crypto'
import type { FolderRead } from '../../driver.ts'
import { treeFilter } from './filter.ts'
import { followPaths } from './follow.ts'
import { folderTree, type TreeEntry } from './tree.ts'

/** What a listing comes to, told entry by entry: equal listings of a folder have equal fingerprints, and files that changed another one. */
export interface Fingerprint {
  add(entry: TreeEntry): void
  /** Undefined when something changed so shortly before the listing began that the clock of the file system may not tell a further change. */
  end(): string | undefined
}

/** The clocks of file systems go in steps of up to ten milliseconds; nanoseconds. */
const STEP = 20_000_000n

/** Of a folder only its name and mode count: its times tell of what came and went in it, which is listed anyway, or is not wanted. */
export function createFingerprint(): Fingerprint {
  const hash = createHash('sha256')
  const began = BigInt(Date.now()) * 1_000_000n
  let newest = 0n
  let text = ''
  return {
    add({ path, mode, size, modified, changed, linkname, isFile }) {
      text += isFile || linkname !== undefined ? `${path}\0${mode} ${size} ${modified} ${changed} ${linkname ?? ''}\0` : `${path}\0${mode}\0`
      if (isFile && changed > newest) newest = changed
      if (text.length < 32_768) return
      hash.update(text)
      text = ''
    },
    end: () => (newest > began - STEP ? undefined : hash.update(text).digest('hex')),
  }
}

/** The fingerprint of what a folder would answer now. Throws XbuildError for what cannot be read. */
export function fingerprintOf({ folder, include, exclude, follow }: Omit<FolderRead, 'fingerprint'>): string | undefined {
  const fingerprint = createFingerprint()
  for (const entry of folderTree(folder, () => []).entries(treeFilter({ include: [...include, ...followPaths(folder, follow)], exclude }))) fingerprint.add(entry)
  return fingerprint.end()
}
