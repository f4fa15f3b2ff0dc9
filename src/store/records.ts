import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../host/files.ts'
import type { StoreFolder } from './folder.ts'

/** Small facts by key, one JSON file each. A damaged record is no record: what it says is found out again. */
export interface Records {
  get<T>(kind: string, key: string): Promise<T | undefined>
  put(kind: string, key: string, value: unknown): Promise<void>
}

/** Opens the records of a store. `key` must be safe as a file name: a hex digest. */
export function createRecords(folder: StoreFolder): Records {
  const path = (kind: string, key: string) => join(folder.records, kind, key.slice(0, 2), `${key}.json`)
  return {
    async get<T>(kind: string, key: string) {
      try {
        const value: unknown = JSON.parse(await readFile(path(kind, key), 'utf8'))
        return typeof value === 'object' && value !== null ? (value as T) : undefined
      } catch {
        return undefined
      }
    },
    // Not synced: a record lost in a power cut costs work, not truth.
    put: (kind, key, value) => writeFileAtomic(path(kind, key), JSON.stringify(value), { fsync: false }),
  }
}
