import { closeSync, fstatSync, futimesSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../host/files.ts'
import type { StoreFolder } from './folder.ts'
import type { RecordKind } from './record-kinds.ts'

/**
 * Small facts by key, one JSON file each. A damaged record is no record: what it says is found out again. A record that
 * is read was used: its file's time says when, to the hour.
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
        const value: unknown = JSON.parse(readUsed(path(kind, key)))
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

// Four calls at once: as promises they take ten times as long, and a build reads dozens of records
function readUsed(path: string): string {
  const file = openSync(path, 'r')
  try {
    const text = readFileSync(file, 'utf8')
    const { mtimeMs } = fstatSync(file)
    const now = Date.now()
    if (now - mtimeMs > USE_STEP) touch(file, now / 1000)
    return text
  } finally {
    closeSync(file)
  }
}

/** In a store of somebody else, or one that may only be read, a use leaves no trace. */
function touch(file: number, seconds: number): void {
  try {
    futimesSync(file, seconds, seconds)
  } catch {
    return
  }
}
