import { expect, test } from 'vitest'
import { speculationOf } from '../../src/engine/speculation.ts'
import { createStepCache } from '../../src/engine/step-cache.ts'
import type { Store } from '../../src/store/store.ts'

/** Records in memory. */
function store(): Store {
  const kept = new Map<string, unknown>()
  const records = {
    get: async (kind: string, key: string) => kept.get(`${kind} ${key}`),
    put: async (kind: string, key: string, value: unknown) => void kept.set(`${kind} ${key}`, value),
  }
  return { records } as unknown as Store
}

test('why a step cannot be speculated is remembered for that step alone', async () => {
  const own = store()
  await speculationOf(own, 'step').remember('a module is loaded')
  expect(await speculationOf(own, 'step').known()).toBe('a module is loaded')
  expect(await speculationOf(own, 'other').known()).toBe(undefined)
})

test('only builds that speculate get steps that were speculated', async () => {
  const own = store()
  const layers = { isThere: async () => true } as unknown as Parameters<typeof createStepCache>[0]['layers']
  const about = { below: 'below', vertex: { kind: 'run', shown: { name: 'RUN npm ci' } } } as unknown as Parameters<
    ReturnType<typeof createStepCache>['find']
  >[1]
  const { signal } = new AbortController()
  const made = { layer: { id: 'layer', empty: false }, created: '2026-01-01T00:00:00Z' }
  const [speculating, usual] = [true, false].map((speculates) => createStepCache({ store: own, layers, speculates }))
  await speculating!.put('key', about, { ...made, speculated: true })
  expect(await speculating!.find('key', about, signal)).toMatchObject({ speculated: true })
  expect(await usual!.find('key', about, signal)).toBe(undefined)
  await usual!.put('key', about, made)
  expect(await speculating!.find('key', about, signal)).toMatchObject({ layer: { id: 'layer' } })
})
