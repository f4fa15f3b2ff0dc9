import { expect, test } from 'vitest'
import type { Output } from '../../src/config/options.ts'
import { outputText } from '../../src/publish/publish-options.ts'
import { readPublication } from '../../src/session/publication.ts'
import { openStore } from '../../src/store/store.ts'
import type { RunImage } from '../../src/store/runs/run-types.ts'
import { tempFolder } from '../support/temp-folder.ts'

const image: RunImage = { image: '', tags: [], status: 'failed', platforms: [], outputs: [], moved: [] }

test.each<[string, Output, Output]>([
  ['another engine', { type: 'load', context: 'a' }, { type: 'load', context: 'b' }],
  ['the usual engine', { type: 'load', context: 'a' }, { type: 'load' }],
  ['another name', { type: 'load', names: ['a'] }, { type: 'load', names: ['b'] }],
])('an image that is still to be loaded into %s is not taken for one that is done', async (_, first, second) => {
  const store = await openStore(tempFolder())
  await store.records.put('publications', 'x', { images: [], options: { outputs: [first, second] }, built: {} })
  const read = (...done: Output[]) =>
    readPublication(store, { ...image, publication: 'x', outputs: done.map(outputText) })
  expect(await read(first)).toBeUndefined()
  expect(await read(second)).toBeUndefined()
  expect(await read(first, second)).toBeDefined()
})
