import { join } from 'node:path'
import type { StoreFolder } from '../places.ts'

/** The record that tells how an image of a run is published. `key` is a hex digest. */
export function publicationFile({ records }: Pick<StoreFolder, 'records'>, key: string): string {
  return join(records, 'publications', key.slice(0, 2), `${key}.json`)
}
