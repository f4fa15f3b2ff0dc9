import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ownMark, readMark } from '../../src/host/process-mark.ts'
import { openStoreFolder } from '../../src/store/folder.ts'
import { goneProcesses, markedName } from '../../src/store/leftovers.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('a name tells whose it is', () => {
  const name = markedName('tree')
  expect(name).toMatch(/-tree-[0-9a-f]{12}$/)
  expect(readMark(name)).toMatchObject({ pid: process.pid, text: ownMark() })
  expect(readMark('12-accel-x')).toBeUndefined()
})

test('of this machine, the process id and its start time tell who is gone', async () => {
  const isGone = goneProcesses(await openStoreFolder(tempFolder()))
  const { pid, start, where } = readMark(ownMark())!
  expect(isGone(markedName('x'))).toBe(false)
  expect(isGone(`${pid}-${Number(start) + 1}-${where}-x-00`)).toBe(true) // the id was given to a later process
  expect(isGone(`4194305-1-${where}-x-00`)).toBe(true)
})

test('of another container, only a lease that is renewed tells that its process lives', async () => {
  const folder = await openStoreFolder(tempFolder())
  const theirs = `${process.pid}-1-ffffffff.1`
  expect(goneProcesses(folder)(`${theirs}-x-00`)).toBe(true)
  const lease = join(folder.leases, `build-${theirs}-0`)
  writeFileSync(lease, '')
  expect(goneProcesses(folder)(`${theirs}-x-00`)).toBe(false)
  expect(goneProcesses(folder)(`${process.pid}-2-ffffffff.1-x-00`)).toBe(true)
  const old = Date.now() / 1000 - 120
  utimesSync(lease, old, old)
  expect(goneProcesses(folder)(`${theirs}-x-00`)).toBe(true)
})

test('names of older versions hold the process id alone', async () => {
  const isGone = goneProcesses(await openStoreFolder(tempFolder()))
  expect(isGone(`${process.pid}-accel-x`)).toBe(false)
  expect(isGone('4194305-accel-x')).toBe(true)
  expect(isGone('something else')).toBe(false)
})
