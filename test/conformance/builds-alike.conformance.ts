import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { CASES } from './cases/cases.ts'
import { DIFFERENCES } from './differences.ts'
import { differencesOf, lastLines } from './support/compare.ts'
import { buildCase } from './support/engine.ts'
import { openResults } from './support/results.ts'

const { cache, ...versions } = inject('conformance')
const results = openResults(cache, versions)
const folder = mkdtempSync(join(tmpdir(), 'xbuild-conformance-'))
const place = { folder, store: join(folder, 'store'), bases: results.bases }
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(CASES)('$topic', ({ cases }) => {
  test.concurrent.for([...cases])('$name', async (one, { expect }) => {
    const theirs = results.get(one)!
    const ours = await buildCase(one, place)
    expect({ built: theirs.built }, `BuildKit: ${lastLines(theirs)}`).toEqual({ built: one.fails !== true })
    const found = differencesOf(theirs, ours)
    const meant = DIFFERENCES[one.name]?.things ?? []
    const others = Object.fromEntries(Object.entries(found).filter(([thing]) => !meant.includes(thing)))
    expect(others).toEqual({})
    expect(
      meant.filter((thing) => !(thing in found)),
      'listed in differences.ts, but there is no difference',
    ).toEqual([])
  })
})

test('every listed difference belongs to a case, and every case has a name of its own', () => {
  const names = CASES.flatMap(({ cases }) => cases.map(({ name }) => name))
  expect(Object.keys(DIFFERENCES).filter((name) => !names.includes(name))).toEqual([])
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})
