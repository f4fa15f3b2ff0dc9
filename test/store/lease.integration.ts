import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStoreFolder, type StoreFolder } from '../../src/store/folder.ts'
import { holders, takeBuildLease, takePruneLease, tryPruneLease, type Holder } from '../../src/store/lease.ts'

let root: string
let folder: StoreFolder
let waits: (readonly Holder[])[]

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'xbuild-lease-'))
  folder = await openStoreFolder(root)
  waits = []
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const options = (signal = new AbortController().signal) => ({
  signal,
  onWait: (others: readonly Holder[]) => void waits.push(others),
})

test('builds share the store, and nothing is left when they end', async () => {
  const leases = [await takeBuildLease(folder, options()), await takeBuildLease(folder, options())]
  expect(holders(folder).map(({ kind, pid }) => [kind, pid])).toEqual([
    ['build', process.pid],
    ['build', process.pid],
  ])
  for (const lease of leases) lease.release()
  expect(readdirSync(folder.leases)).toEqual([])
  expect(waits).toEqual([])
})

test('nothing is removed while somebody builds', async () => {
  const build = await takeBuildLease(folder, options())
  expect(tryPruneLease(folder)).toBeUndefined()
  await expect(takePruneLease(folder, { ...options(), timeout: 0 })).rejects.toMatchObject({
    code: 'STORE',
    message: expect.stringContaining(`in use by a build (process ${process.pid})`),
  })
  build.release()
  tryPruneLease(folder)!.release()
  expect(readdirSync(folder.leases)).toEqual([])
})

test('a build waits for a prune and says so', async () => {
  const prune = tryPruneLease(folder)!
  const building = takeBuildLease(folder, options())
  expect(waits).toMatchObject([[{ kind: 'prune', pid: process.pid, foreign: false }]])
  prune.release()
  ;(await building).release()
})

test('a prune waits for builds without holding up new ones', async () => {
  const first = await takeBuildLease(folder, options())
  const pruning = takePruneLease(folder, options())
  expect(waits).toHaveLength(1)
  const second = await takeBuildLease(folder, options())
  first.release()
  second.release()
  ;(await pruning).release()
})

test('waiting ends with the signal', async () => {
  const build = await takeBuildLease(folder, options())
  const controller = new AbortController()
  const pruning = takePruneLease(folder, options(controller.signal))
  controller.abort()
  await expect(pruning).rejects.toMatchObject({ code: 'CANCELED' })
  build.release()
})

test('of many that want the store at once, a prune is always alone', async () => {
  let builds = 0
  let prunes = 0
  const seen: string[] = []
  const work = Array.from({ length: 24 }, async (_, index) => {
    const isPrune = index % 6 === 0
    const lease = isPrune ? await takePruneLease(folder, options()) : await takeBuildLease(folder, options())
    if (isPrune) prunes += 1
    else builds += 1
    if (prunes > 1 || (prunes === 1 && builds > 0)) seen.push(`${prunes} prunes, ${builds} builds`)
    await new Promise((resolve) => setTimeout(resolve, index % 4))
    if (isPrune) prunes -= 1
    else builds -= 1
    lease.release()
  })
  await Promise.all(work)
  expect(seen).toEqual([])
  expect(readdirSync(folder.leases)).toEqual([])
})

describe('what is left of others', () => {
  const leave = (name: string) => {
    mkdirSync(folder.leases, { recursive: true })
    writeFileSync(join(folder.leases, name), '')
    return join(folder.leases, name)
  }
  /** The part of our own leases that says where this process runs. */
  const here = async () => {
    const lease = await takeBuildLease(folder, options())
    const [name = ''] = readdirSync(folder.leases)
    lease.release()
    return name.split('-')[3]!
  }

  test('a process that was killed holds nothing', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' })
    await once(child, 'spawn')
    child.kill('SIGKILL')
    await once(child, 'close')
    leave(`build-${child.pid}-1-${await here()}-0`)
    expect(holders(folder)).toEqual([])
    expect(readdirSync(folder.leases)).toEqual([])
  })

  test('nor does another process that got its id', async () => {
    leave(`prune-${process.pid}-1-${await here()}-0`)
    ;(await takeBuildLease(folder, options())).release()
    expect(waits).toEqual([])
  })

  test('one of another container counts as long as it renews its file', async () => {
    const path = leave('build-7-1-ffffffff.1-0')
    expect(holders(folder)).toMatchObject([{ kind: 'build', pid: 7, foreign: true }])
    const old = Date.now() / 1000 - 120
    utimesSync(path, old, old)
    expect(holders(folder)).toEqual([])
  })

  test('files of nobody are not touched', () => {
    leave('README')
    expect(holders(folder)).toEqual([])
    expect(readdirSync(folder.leases)).toEqual(['README'])
  })
})
