import { chmodSync, chownSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
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
  const { root, blobs, ingest, records, snapshots, tmp } = await openStoreFolder(join(tempFolder(), 'store'))
  for (const path of [root, blobs, ingest, records, snapshots, tmp]) expect(modeOf(path), path).toBe(0o700)
})

test('what an older version left open is made private, and said', async () => {
  const root = join(tempFolder(), 'store')
  const { tmp, snapshots } = await openStoreFolder(root)
  chmodSync(root, 0o755)
  chmodSync(tmp, 0o777)
  chmodSync(snapshots, 0o755)
  expect(await openStoreFolder(root)).toMatchObject({ wasOpen: true })
  for (const path of [root, tmp, snapshots]) expect(modeOf(path), path).toBe(0o700)
  expect(await openStoreFolder(root)).not.toHaveProperty('wasOpen')
})

test.skipIf(process.geteuid!() !== 0)('a store into which another user has written is refused', async () => {
  const root = join(tempFolder(), 'store')
  const { records } = await openStoreFolder(root)
  chmodSync(root, 0o777)
  chmodSync(records, 0o777)
  writeFileSync(join(records, 'planted'), '')
  chownSync(join(records, 'planted'), 65534, 65534)
  await expect(openStoreFolder(root)).rejects.toMatchObject({
    code: 'STORE',
    message: expect.stringContaining(`"${join(records, 'planted')}" is of one of them (65534)`),
  })
})

test('a folder that others use is not turned into a store', async () => {
  const root = tempFolder()
  writeFileSync(join(root, 'thesis.txt'), '')
  chmodSync(root, 0o755)
  await expect(openStoreFolder(root)).rejects.toMatchObject({
    code: 'STORE',
    message: expect.stringContaining('it holds "thesis.txt"'),
  })
  expect(modeOf(root)).toBe(0o755)
})

test('a store in a folder where others may replace it is refused', async () => {
  const shared = tempFolder()
  chmodSync(shared, 0o777)
  await expect(openStoreFolder(join(shared, 'store'))).rejects.toMatchObject({
    code: 'STORE',
    message: expect.stringContaining(`other users may write into "${shared}", and can replace it`),
  })
  chmodSync(shared, 0o1777)
  await openStoreFolder(join(shared, 'store'))
})

test.skipIf(process.geteuid!() !== 0)('a store of another user is refused', async () => {
  const root = join(tempFolder(), 'store')
  await openStoreFolder(root)
  chownSync(root, 65533, 65533)
  await expect(openStoreFolder(root)).rejects.toMatchObject({
    code: 'STORE',
    message: expect.stringContaining('it belongs to another user (65533, this is 0)'),
  })
})
