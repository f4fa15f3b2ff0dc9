import { closeSync, fstatSync, lstatSync, readSync, realpathSync } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openInside } from '../../../host/open-inside.ts'

/** Bytes that are read at a time. */
export const PIECE: number = 1 << 20

/** Whether a path below a folder leads through folders alone: no symbolic link is on the way, nor at its end. */
export function isRealFolder(root: string, path: string): boolean {
  const parts = path.split('/')
  return parts.every((_, index) =>
    lstatSync(join(root, ...parts.slice(0, index + 1)), { throwIfNoEntry: false })?.isDirectory(),
  )
}

/**
 * Opens a plain file of an unpacked layer; nothing where there is none. Whoever made the layer decides what lies there:
 * no link is followed, no device or pipe is opened, and nothing is waited for.
 */
export function openPlain(root: string, path: string): { readonly file: number; readonly size: number } | undefined {
  const folder = dirname(path)
  if (folder !== '.' && !isRealFolder(root, folder)) return undefined
  const full = join(realpathSync.native(root), path)
  if (!lstatSync(full, { throwIfNoEntry: false })?.isFile()) return undefined
  const file = openInside(full)
  const found = fstatSync(file)
  if (found.isFile()) return { file, size: found.size }
  closeSync(file)
  return undefined
}

/** Reads a plain file of an unpacked layer; nothing where there is none, or where it is larger than `most` bytes. */
export function readPlain(root: string, path: string, most: number): Buffer | undefined {
  const opened = openPlain(root, path)
  if (!opened) return undefined
  const { file, size } = opened
  try {
    if (size > most) return undefined
    const bytes = Buffer.alloc(size)
    let at = 0
    for (let read = 1; read > 0 && at < size; at += read)
      read = readSync(file, bytes, at, Math.min(PIECE, size - at), at)
    return bytes.subarray(0, at)
  } finally {
    closeSync(file)
  }
}

/** Names in a folder in order; nothing where there are more than `most`. The folder must be real. */
export async function namesIn(folder: string, most: number): Promise<string[] | undefined> {
  const names: string[] = []
  for await (const { name } of await opendir(folder, { bufferSize: 1000 })) {
    if (names.length === most) return undefined
    names.push(name)
  }
  return names.sort()
}
