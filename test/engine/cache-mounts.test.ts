import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createCacheMounts } from '../../src/engine/cache-mounts.ts'
import type { CacheMount } from '../../src/dockerfile/run-mounts.ts'
import { openStore } from '../../src/store/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

const MOUNT: CacheMount = {
  type: 'cache',
  target: '/root/.npm',
  id: 'npm',
  sharing: 'shared',
  readonly: false,
  source: '/',
  owner: { uid: 0, gid: 0, mode: 0o755 },
}

test('what a step keeps that may be speculated is not seen by other steps', async () => {
  const store = await openStore(join(tempFolder(), 'store'))
  const caches = createCacheMounts(store, 0)
  const claim = async (speculates: boolean) => {
    const make = async (id: string) => mkdirSync(join(store.folder.snapshots, id))
    const { id, release } = await caches.claim(MOUNT, {
      seedKey: undefined,
      speculates,
      make,
      signal: new AbortController().signal,
    })
    release()
    return id
  }
  const [usual, speculated] = [await claim(false), await claim(true)]
  expect(speculated).not.toBe(usual)
  expect(await claim(false)).toBe(usual)
  expect(await claim(true)).toBe(speculated)
})
