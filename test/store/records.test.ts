import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keyOf } from '../../src/store/key.ts'
import { openStore } from '../../src/store/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

const key = keyOf(['a', 1])

test('a record comes back, the last one that was put', async () => {
  const { records } = await openStore(tempFolder())
  expect(await records.get('steps', key)).toBeUndefined()
  await records.put('steps', key, { a: [1] })
  await records.put('steps', key, { a: [2] })
  expect(await records.get('steps', key)).toEqual({ a: [2] })
  expect(await records.get('trees', key)).toBeUndefined()
})

test.each([
  ['half a text', '{"a": '],
  ['nothing', ''],
  ['a number', '1'],
  ['null', 'null'],
  ['other bytes', Buffer.from([0, 255, 254])],
])('a damaged record, %s, is no record, and can be put again', async (_name, damage) => {
  const { records, folder } = await openStore(tempFolder())
  await records.put('steps', key, { a: 1 })
  const path = join(folder.records, 'steps', key.slice(0, 2), `${key}.json`)
  writeFileSync(path, damage)
  expect(await records.get('steps', key)).toBeUndefined()
  rmSync(path)
  await records.put('steps', key, { a: 2 })
  expect(await records.get('steps', key)).toEqual({ a: 2 })
})

test('many at once leave one whole record and no other file', async () => {
  const { records, folder } = await openStore(tempFolder())
  await Promise.all(Array.from({ length: 20 }, (_, i) => records.put('steps', key, { i, text: 'x'.repeat(i * 100) })))
  const found = await records.get<{ i: number; text: string }>('steps', key)
  expect(found!.text).toHaveLength(found!.i * 100)
  expect(readdirSync(join(folder.records, 'steps', key.slice(0, 2)))).toEqual([`${key}.json`])
})

test('keys tell values apart', () => {
  expect(keyOf(['a', 'b'])).toMatch(/^[0-9a-f]{64}$/)
  const keys = [['a', 'b'], ['ab'], ['a,b'], [['a'], 'b'], ['a', 'b', null], { a: 'b' }].map(keyOf)
  expect(new Set(keys).size).toBe(keys.length)
})
