/** Where everything lies in the store's folder. */
export interface StoreFolder {
  readonly root: string
  /** Content by digest: `blobs/sha256/<hex>`. */
  readonly blobs: string
  /** Downloads that may be resumed. */
  readonly ingest: string
  /** Small JSON files: what was found out or done before. */
  readonly records: string
  /** Overlay folders by snapshot id. */
  readonly snapshots: string
  /** One folder per running operation, named by process id; what a dead process left is removed by the next one. */
  readonly tmp: string
  /** Who uses the store now: see `lease.ts`. */
  readonly leases: string
  /** Other users could enter the store until it was opened now: an earlier version made it. */
  readonly wasOpen?: true
  /** So many snapshots were given up now: the machine stopped before they were safely on disk. */
  readonly lost?: number
}
