import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
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

const modeOf = (path: string) => statSync(path).mode & 0o7777

test('a store and its folders are for their owner alone', async () => {
  const { root, ...folders } = await openStoreFolder(join(tempFolder(), 'store'))
  for (const path of [root, ...Object.values(folders)]) expect(modeOf(path), path).toBe(0o700)
})

test('what an older version left open is made private', async () => {
  const root = join(tempFolder(), 'store')
  const { tmp, snapshots } = await openStoreFolder(root)
  chmodSync(root, 0o755)
  chmodSync(tmp, 0o775)
  chmodSync(snapshots, 0o755)
  await openStoreFolder(root)
  for (const path of [root, tmp, snapshots]) expect(modeOf(path), path).toBe(0o700)
})

test.each([
  ['every user may write to it', (root: string) => chmodSync(root, 0o777)],
  ['every user may write to it', (root: string) => chmodSync(join(root, 'records'), 0o1777)],
])('a store that others may have changed is refused: %s', async (reason, open) => {
  const root = join(tempFolder(), 'store')
  await openStoreFolder(root)
  open(root)
  await expect(openStoreFolder(root)).rejects.toMatchObject({ code: 'STORE', message: expect.stringContaining(reason) })
})

test('a store of another user is refused, as is one in a folder where others may replace it', async () => {
  const root = join(tempFolder(), 'store')
  await openStoreFolder(root)
  const gid = process.getegid!()
  const other = { uid: process.geteuid!() + 1, gid }
  await expect(openStoreFolder(root, other)).rejects.toMatchObject({
    code: 'STORE',
    message: expect.stringContaining(`it belongs to user ${process.geteuid!()}, not to user ${other.uid}`),
  })
  const shared = tempFolder()
  chmodSync(shared, 0o777)
  await expect(openStoreFolder(join(shared, 'store'))).rejects.toMatchObject({
    code: 'STORE',
    message: expect.stringContaining(`every user may write to "${shared}" and could replace it`),
  })
  chmodSync(shared, 0o1777)
  await openStoreFolder(join(shared, 'store'))
})
