import { storeHealth } from '../store/health.ts'
import { here, type Finding } from './finding.ts'
import type { Machine } from './machine.ts'

/** Whether the store is this user's, and its content what it was. */
export async function checkStore({ store, uid }: Pick<Machine, 'store' | 'uid'>): Promise<Finding[]> {
  const { root } = store.folder
  const { blobs, doubtful, foreign } = await storeHealth(store, uid)
  if (foreign.length > 0) {
    return [
      here('store', 'problem', `${foreign.join(', ')} belongs to another user`, {
        fix: `Give it back: sudo chown -R --from=0 ${uid} ${root}; or name another folder with XBUILD_HOME`,
      }),
    ]
  }
  if (doubtful.length === 0) return [here('store', 'ok', `${root}: ${blobs} blobs, none changed since it was hashed`)]
  return [
    here(
      'store',
      'warning',
      `${doubtful.length} of ${blobs} blobs in ${root} changed since they were hashed: each is hashed again before it is used`,
      {
        fix: 'Hash them now, and remove those with wrong content: xbuild doctor --fix',
        repair: { kind: 'store' },
      },
    ),
  ]
}
