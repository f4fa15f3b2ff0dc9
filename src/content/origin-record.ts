import type { Store } from '../store/store.ts'

interface OriginRecord {
  readonly repositories: readonly string[]
}

/** Of one blob; a blob may be in more, of which the latest help most. */
const MOST_REPOSITORIES = 8

/** Repositories that are known to hold a blob. */
export async function originsOf(store: Store, digest: string): Promise<readonly string[]> {
  return (await store.records.get<OriginRecord>('origins', hexOf(digest)))?.repositories ?? []
}

/** Notes that a repository (`host/name`) holds a blob. */
export async function rememberOrigin(store: Store, digest: string, repository: string): Promise<void> {
  const known = await originsOf(store, digest)
  if (known.includes(repository)) return
  await store.records.put('origins', hexOf(digest), { repositories: [...known, repository].slice(-MOST_REPOSITORIES) })
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1)
}
