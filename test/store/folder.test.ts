import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { defaultStoreRoot, openStoreFolder } from '../../src/store/folder.ts'
import { tempFolder } from '../support/temp-folder.ts'

test.each([
  [{ XBUILD_HOME: '/x/../y' }, 0, '/y'],
  [{}, 0, '/var/lib/xbuild'],
  [{ HOME: '/home/u' }, 1000, '/home/u/.local/share/xbuild'],
  [{ HOME: '/home/u', XDG_DATA_HOME: '/data' }, 1000, '/data/xbuild'],
  [{ HOME: '/home/u', XBUILD_HOME: '/own' }, 1000, '/own'],
])('with %j user %i has his store in %s', (env, uid, root) => {
  expect(defaultStoreRoot(env, uid)).toBe(root)
})

test('a store is made once and opened again', async () => {
  const root = join(tempFolder(), 'deep/store')
  const folder = await openStoreFolder(root)
  writeFileSync(join(folder.blobs, 'kept'), '')
  expect(await openStoreFolder(root)).toEqual(folder)
  expect(readdirSync(folder.blobs)).toEqual(['kept'])
  expect(readFileSync(join(root, 'format'), 'utf8')).toBe('1\n')
})

test('one whose making was cut short is made whole', async () => {
  const root = tempFolder()
  writeFileSync(join(root, 'format'), '')
  const folder = await openStoreFolder(root)
  expect(readdirSync(root)).toEqual(
    expect.arrayContaining(['blobs', 'format', 'ingest', 'records', 'snapshots', 'tmp']),
  )
  expect(readdirSync(folder.tmp)).toEqual([])
})

test('one of another format is refused and left as it is', async () => {
  const root = tempFolder()
  writeFileSync(join(root, 'format'), '99\n')
  await expect(openStoreFolder(root)).rejects.toMatchObject({
    code: 'STORE',
    message: `Cannot use the store "${root}": it has format "99", this xbuild reads 1`,
    hint: expect.stringContaining('--store'),
  })
  expect(readdirSync(root)).toEqual(['format'])
})

test('one that cannot be made is named with a way out', async () => {
  const file = join(tempFolder(), 'file')
  writeFileSync(file, '')
  await expect(openStoreFolder(join(file, 'store'))).rejects.toMatchObject({
    code: 'STORE',
    message: expect.stringContaining(`Cannot make the store "${file}/store"`),
    hint: expect.stringContaining('XBUILD_HOME'),
  })
})
