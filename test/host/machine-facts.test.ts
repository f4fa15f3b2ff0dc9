import { chmodSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { currentBoot } from '../../src/host/boot.ts'
import { openMachineFacts } from '../../src/host/machine-facts.ts'
import { tempFolder } from '../support/temp-folder.ts'

let caches: string
const folder = () => join(caches, 'xbuild/machine')
const KEY = 'ab'.repeat(32)

beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', (caches = tempFolder())))
afterEach(() => vi.unstubAllEnvs())

test.runIf(currentBoot())('a fact is kept beside all stores, those of an earlier boot go', async () => {
  expect(openMachineFacts()!.get(KEY)).toBeUndefined()
  mkdirSync(folder(), { recursive: true, mode: 0o700 })
  writeFileSync(join(folder(), `0-0_${KEY}.json`), '{}')
  await openMachineFacts()!.put(KEY, { path: '/usr/bin/runc' })
  expect(openMachineFacts()!.get(KEY)).toEqual({ path: '/usr/bin/runc' })
  expect(readdirSync(folder())).toEqual([`${currentBoot()}_${KEY}.json`])
})

test.runIf(currentBoot())('what others may have written, and what is damaged, is no fact', async () => {
  await openMachineFacts()!.put(KEY, { path: '/usr/bin/runc' })
  const file = join(folder(), readdirSync(folder())[0]!)
  chmodSync(file, 0o666)
  expect(openMachineFacts()!.get(KEY)).toBeUndefined()
  chmodSync(file, 0o600)
  chmodSync(folder(), 0o777)
  expect(openMachineFacts()!.get(KEY)).toBeUndefined()
  chmodSync(folder(), 0o700)
  expect(openMachineFacts()!.get(KEY)).toBeDefined()
  writeFileSync(file, '{')
  expect(openMachineFacts()!.get(KEY)).toBeUndefined()
})

test.runIf(currentBoot())('a link in place of the folder or the file is not followed', async () => {
  await openMachineFacts()!.put(KEY, { path: '/usr/bin/runc' })
  const elsewhere = join(tempFolder(), 'elsewhere')
  renameSync(folder(), elsewhere)
  symlinkSync(elsewhere, folder())
  expect(openMachineFacts()!.get(KEY)).toBeUndefined()
})

test.runIf(currentBoot())('nothing is kept, read or removed below a folder that others may exchange', async () => {
  await openMachineFacts()!.put(KEY, { path: '/usr/bin/runc' })
  writeFileSync(join(folder(), `0-0_${KEY}.json`), '{}')
  chmodSync(join(caches, 'xbuild'), 0o777)
  expect(openMachineFacts()!.get(KEY)).toBeUndefined()
  await openMachineFacts()!.put(KEY, { path: '/usr/bin/crun' })
  expect(readdirSync(folder())).toHaveLength(2)
  chmodSync(join(caches, 'xbuild'), 0o1777) // as /tmp: nobody else can exchange what is this user's
  expect(openMachineFacts()!.get(KEY)).toEqual({ path: '/usr/bin/runc' })
})

test.runIf(currentBoot())('no folder is made where others may exchange it', async () => {
  chmodSync(caches, 0o777)
  await openMachineFacts()!.put(KEY, { path: '/usr/bin/runc' })
  expect(readdirSync(caches)).toEqual([])
})
