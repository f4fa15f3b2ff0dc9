import { afterEach, expect, test, vi } from 'vitest'
import { createRecall } from '../../src/nodes/recall.ts'
import { parsePlatform, type Platform } from '../../src/platform.ts'
import { openStore } from '../../src/store/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

const AMD64 = parsePlatform('linux/amd64')
const ENGINE = { version: 'Docker Engine 28.5.2', platform: AMD64, containerdStore: true, identity: 'one 28.5.2' }
const FACTS = {
  version: 'v0.25.1',
  platforms: [AMD64, parsePlatform('linux/386')],
  givesOci: true,
  abilities: new Set(['source.ocilayout']),
}

afterEach(() => void vi.useRealTimers())

async function recallOf(wanted: readonly Platform[] = [AMD64]) {
  const store = await openStore(tempFolder())
  const recall = createRecall({ endpoint: 'unix:///one', wanted, store })
  return {
    recall,
    other: (endpoint: string, foreign: readonly Platform[] = wanted) =>
      createRecall({ endpoint, wanted: foreign, store }),
  }
}

test('what an engine said is known for an hour, and no longer', async () => {
  const { recall } = await recallOf()
  expect(await recall.facts(ENGINE)).toBeUndefined()
  await recall.keep(ENGINE, FACTS)
  expect(await recall.facts(ENGINE)).toEqual(FACTS)
  vi.setSystemTime(Date.now() + 61 * 60_000)
  expect(await recall.facts(ENGINE)).toBeUndefined()
})

test('it is not what another engine says, or another version, or one with another store, or what emulators it has', async () => {
  const { recall, other } = await recallOf()
  await recall.keep(ENGINE, FACTS)
  expect(await recall.facts({ ...ENGINE, version: 'Docker Engine 29.0.0', identity: 'one 29.0.0' })).toBeUndefined()
  expect(await recall.facts({ ...ENGINE, containerdStore: false })).toBeUndefined()
  expect(await other('unix:///two').facts(ENGINE)).toBeUndefined()
  expect(await other('unix:///one', [AMD64, parsePlatform('linux/arm64')]).facts(ENGINE)).toBeUndefined()
  expect(await other('unix:///one').facts(ENGINE)).toEqual(FACTS)
})
