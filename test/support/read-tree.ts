import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { createTarReader } from '../../src/oci/tar-reader.ts'
import type { TarEntry } from '../../src/oci/tar-format.ts'

/** A file system object out of a tar, as tests compare it. */
export interface TreeEntry extends TarEntry {
  readonly content: string
}

/** The entries of a tar file by path, a later one of the same name replacing an earlier one; gzip is seen through. */
export function readTree(file: string): Map<string, TreeEntry> {
  const raw = readFileSync(file)
  return treeOf(raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw)
}

/** The same for bytes in memory. */
export function treeOf(bytes: Buffer): Map<string, TreeEntry> {
  const tree = new Map<string, TreeEntry>()
  let current: TarEntry | undefined
  let data: Buffer[] = []
  const reader = createTarReader({
    entry(entry) {
      current = entry
      data = []
    },
    data: (chunk) => void data.push(Buffer.from(chunk)),
    end() {
      tree.set(current!.path.replace(/^\.\//, ''), { ...current!, content: Buffer.concat(data).toString() })
    },
  })
  reader.write(bytes)
  reader.finish()
  return tree
}

/** `type mode uid:gid size-or-link`, to compare many properties in one line. */
export function summary(entry: TreeEntry | undefined): string {
  if (!entry) return 'absent'
  const tail =
    entry.type === 'file' ? ` ${JSON.stringify(entry.content)}` : entry.link !== undefined ? ` -> ${entry.link}` : ''
  return `${entry.type} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid}${tail}`
}
