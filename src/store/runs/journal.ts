import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isOwnFile } from './run-folder.ts'

/** A file that lines of JSON are added to; each is whole or, after the last one, torn. */
export interface Journal {
  write(...lines: readonly object[]): void
  /** What was written outlives a power cut from now on. */
  sync(): void
  close(): void
}

const NEW_LINE = 0x0a

/** The name of the file of what was done, and of the file of what was said. */
export const JOURNAL = 'journal.jsonl'
export const LOG = 'log.jsonl'

/** Opens a file of a run to add to it. A last line that was torn stays alone. */
export function openJournal(folder: string, name: string): Journal {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants
  const path = join(folder, name)
  const fd = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
  try {
    if (!isOwnFile(fd)) throw new Error(`"${path}" is no file of this user`)
    if (isTorn(fd)) writeSync(fd, '\n')
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return {
    write(...lines) {
      if (lines.length === 0) return
      const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    },
    sync: () => fsyncSync(fd),
    close: () => closeSync(fd),
  }
}

function isTorn(fd: number): boolean {
  const { size } = fstatSync(fd)
  if (size === 0) return false
  const last = Buffer.alloc(1)
  readSync(fd, last, 0, 1, size - 1)
  return last[0] !== NEW_LINE
}
