import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openCommonGroup } from '../../src/engine/worker/step-groups.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-groups-'))
afterAll(() => rmSync(folder, { recursive: true }))

const read = (...path: string[]) => readFileSync(join(...path), 'utf8')

test('with version 1, the common group counts processes, weighs as much as its CPUs, and each build has a group in it', () => {
  const root = join(folder, 'v1')
  for (const name of ['cpu,cpuacct', 'pids']) mkdirSync(join(root, name), { recursive: true })
  const place = { parent: '/', controllers: ['cpu', 'cpuacct', 'pids'] }
  const [one, other] = ['1-2-3.4', '5-6-7.8'].map((owner) => openCommonGroup(place, { owner, most: 77, cpus: 3, root }))
  expect(one!.cgroup).toEqual({ ...place, parent: '/xbuild.77' })
  expect(read(root, 'pids/xbuild.77/pids.max')).toBe('77')
  expect(read(root, 'cpu,cpuacct/xbuild.77/cpu.shares')).toBe('3072')
  expect(readdirSync(join(root, 'pids/xbuild.77')).filter((name) => name.startsWith('xbuild-'))).toHaveLength(2)
  one!.close()
  // A runtime makes the group of a container in it at any time
  mkdirSync(join(root, 'cpu,cpuacct/xbuild.77/container'))
  rmSync(join(root, 'cpu,cpuacct/xbuild.77/container'), { recursive: true })
  expect(readdirSync(join(root, 'pids/xbuild.77')).filter((name) => name.startsWith('xbuild-'))).toHaveLength(1)
  // The kernel removes the files of a group with it
  for (const file of ['pids/xbuild.77/pids.max', 'cpu,cpuacct/xbuild.77/cpu.shares']) rmSync(join(root, file))
  other!.close()
  expect([existsSync(join(root, 'pids/xbuild.77')), existsSync(join(root, 'cpu,cpuacct/xbuild.77'))]).toEqual([
    false,
    false,
  ])
})

test('with version 2, it lies where control groups are delegated, and hands their controllers on', () => {
  const root = join(folder, 'v2')
  mkdirSync(join(root, 'user.slice'), { recursive: true })
  writeFileSync(join(root, 'cgroup.controllers'), 'memory pids\n')
  const place = { parent: '/user.slice', controllers: ['pids'] }
  const { cgroup } = openCommonGroup(place, { owner: '1-2-3.4', most: 9, cpus: 200, root })
  expect(cgroup).toEqual({ ...place, parent: '/user.slice/xbuild.9' })
  expect(read(root, 'user.slice/xbuild.9/pids.max')).toBe('9')
  expect(read(root, 'user.slice/xbuild.9/cpu.weight')).toBe('10000')
  expect(read(root, 'user.slice/cgroup.subtree_control')).toBe('+pids')
  expect(read(root, 'user.slice/xbuild.9/cgroup.subtree_control')).toBe('+pids')
})

test('where processes cannot be counted, steps stay where they were', () => {
  const root = join(folder, 'none')
  mkdirSync(root)
  const place = { parent: '/', controllers: ['memory'] }
  expect(openCommonGroup(place, { owner: '1-2-3.4', most: 9, root }).cgroup).toEqual(place)
  expect(readdirSync(root)).toEqual([])
})

test('where no group can be made, steps stay where they were', () => {
  const root = join(folder, 'full')
  mkdirSync(root)
  writeFileSync(join(root, 'pids'), '')
  const place = { parent: '/', controllers: ['pids'] }
  expect(openCommonGroup(place, { owner: '1-2-3.4', most: 9, root }).cgroup).toEqual(place)
})
