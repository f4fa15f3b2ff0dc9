import { createBlobStore, type BlobStore } from './blobs.ts'
import { openStoreFolder, type StoreFolder } from './folder.ts'
import { createRecords, type Records } from './records.ts'

/** Everything xbuild keeps on disk. */
export interface Store {
  readonly folder: StoreFolder
  readonly blobs: BlobStore
  readonly records: Records
}

/** Opens the store in `root`, making it when it is not there. */
export async function openStore(root: string): Promise<Store> {
  const folder = await openStoreFolder(root)
  return { folder, blobs: createBlobStore(folder), records: createRecords(folder) }
}
