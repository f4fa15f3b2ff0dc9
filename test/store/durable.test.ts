import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LOST, makeDurable } from '../../src/store/durable.ts'
import { openStoreFolder } from '../../src/store/folder.ts'
import { tempFolder } from '../support/temp-folder.ts'

const open = (root: string, boot: string) => openStoreFolder(root, boot)

/** A store, opened on boot `one`, with one snapshot that a sync has covered and one that none has. */
async function halfSynced() {
  const folder = await open(join(tempFolder(), 'store'), 'one')
  const add = (name: string) => mkdirSync(join(folder.snapshots, name))
  add('empty')
  add('synced')
  await makeDurable(folder)
  add('later')
  return { folder, add, names: () => readdirSync(folder.snapshots).filter((name) => !name.startsWith(LOST)) }
}

test('on the same boot, everything is used', async () => {
  const { folder, names } = await halfSynced()
  expect(await open(folder.root, 'one')).toEqual(folder)
  expect(names()).toEqual(['empty', 'later', 'synced'])
})

test('on another boot, only what was synced is used; and that is found out once', async () => {
  const { folder, add, names } = await halfSynced()
  expect(await open(folder.root, 'two')).toEqual({ ...folder, lost: 1 })
  expect(names()).toEqual(['empty', 'synced'])
  expect(readFileSync(join(folder.root, 'boot'), 'utf8')).toBe('two\n')
  add('new')
  expect(await open(folder.root, 'two')).toEqual(folder)
  expect(names()).toEqual(['empty', 'new', 'synced'])
})

test('a name that another snapshot has by now is not taken for the synced one', async () => {
  const { folder, add, names } = await halfSynced()
  rmSync(join(folder.snapshots, 'synced'), { recursive: true })
  add('synced')
  await open(folder.root, 'two')
  expect(names()).toEqual(['empty'])
})

test.each([
  ['missing', undefined],
  ['cut off', '{"snapshots":{"synced"'],
  ['empty', ''],
  ['something else', '{"snapshots":null}'],
])('when the list is %s, nothing is used', async (_, text) => {
  const { folder, names } = await halfSynced()
  rmSync(join(folder.root, 'durable'))
  if (text !== undefined) writeFileSync(join(folder.root, 'durable'), text)
  await open(folder.root, 'two')
  expect(names()).toEqual(['empty'])
})

test('a store of an earlier version, which noted no boot, is used as it is', async () => {
  const { folder, names } = await halfSynced()
  rmSync(join(folder.root, 'durable'))
  rmSync(join(folder.root, 'boot'))
  expect(await open(folder.root, 'two')).toEqual(folder)
  expect(names()).toEqual(['empty', 'later', 'synced'])
  expect(readFileSync(join(folder.root, 'boot'), 'utf8')).toBe('two\n')
})

test('of many that open it after a boot, one gives up what was lost, and what is made then stays', async () => {
  const { folder, add, names } = await halfSynced()
  const opened = await Promise.all(
    Array.from({ length: 8 }, async (_, number) => {
      const { lost = 0 } = await open(folder.root, 'two')
      add(`made-${number}`)
      return lost
    }),
  )
  expect(opened.reduce((sum, lost) => sum + lost)).toBe(1)
  expect(names().filter((name) => name.startsWith('made-'))).toHaveLength(8)
})

test('when there is nothing new, nothing is synced or written', async () => {
  const { folder } = await halfSynced()
  await makeDurable(folder)
  rmSync(join(folder.snapshots, 'later'), { recursive: true })
  const path = join(folder.root, 'durable')
  const before = readFileSync(path, 'utf8')
  await makeDurable(folder)
  expect(readFileSync(path, 'utf8')).toBe(before)
  expect(existsSync(path)).toBe(true)
})
