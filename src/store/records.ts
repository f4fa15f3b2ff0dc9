import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../host/files.ts'
import type { StoreFolder } from './folder.ts'
import type { RecordKind } from './record-kinds.ts'

/**
 * Small facts by key, one JSON file each. A damaged record is no record: what it says is found out again. A record
 * that is read was
 * used: its file's time says when, to the hour.
 */
export interface Records {
  get<T>(kind: RecordKind, key: string): Promise<T | undefined>
  put(kind: RecordKind, key: string, value: unknown): Promise<void>
}

/** Opens the records of a store. `key` must be safe as a file name: a hex digest. */
export function createRecords(folder: StoreFolder): Records {
  const path = (kind: string, key: string) => join(folder.records, kind, key.slice(0, 2), `${key}.json`)
  return {
    async get<T>(kind: RecordKind, key: string) {
      try {
        const value: unknown = JSON.parse(await readUsed(path(kind, key)))
        return typeof value === 'object' && value !== null ? (value as T) : undefined
      } catch {
        return undefined
      }
    },
    // Not synced: a record lost in a power cut costs work, not truth.
    put: (kind, key, value) =>
      writeFileAtomic(path(kind, key), JSON.stringify(value), { fsync: false, isPrivate: true }),
  }
}

/**
 * A write per hour and record is next to nothing; one per use would be felt by a build that changes nothing.
 * Milliseconds.
 */
const USE_STEP = 3_600_000

async function readUsed(path: string): Promise<string> {
  const file = await open(path)
  try {
    const [text, { mtimeMs }] = await Promise.all([file.readFile('utf8'), file.stat()])
    const now = Date.now()
    // In a store of somebody else, or one that may only be read, a use leaves no trace
    if (now - mtimeMs > USE_STEP) await file.utimes(now / 1000, now / 1000).catch(() => undefined)
    return text
  } finally {
    await file.close()
  }
}
