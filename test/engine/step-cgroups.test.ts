import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { resourceProblem } from '../../src/engine/check-resources.ts'
import { findStepCgroups } from '../../src/engine/step-cgroups.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-cgroups-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Files as the kernel shows them. The owner of all is who runs the tests. */
function hierarchy(name: string, groups: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  const root = join(folder, name)
  for (const [group, files] of Object.entries(groups)) {
    mkdirSync(join(root, group), { recursive: true })
    for (const [file, text] of Object.entries(files)) writeFileSync(join(root, group, file), text)
  }
  return root
}

const unified = (controllers: string, enabled: string, processes = '') => ({
  'cgroup.controllers': `${controllers}\n`,
  'cgroup.subtree_control': `${enabled}\n`,
  'cgroup.procs': processes,
  'cgroup.type': 'domain\n',
})
const uid = process.getuid!()
const own = '0::/user.slice/app.slice/run-1.scope\n'

test('root has the controllers of version 1, each in a folder of its own', () => {
  const procs = { 'cgroup.procs': '1\n' }
  const root = hierarchy('v1', { 'cpu,cpuacct': procs, memory: procs, pids: procs, empty: {} })
  const found = findStepCgroups(0, { root, own: '' })
  expect(found).toMatchObject({ parent: '/' })
  expect(found?.controllers.toSorted()).toEqual(['cpu', 'cpuacct', 'memory', 'pids'])
})

test('root of the machine has all of version 2; root of a container those that are enabled', () => {
  const { 'cgroup.type': _, ...top } = unified('cpu memory pids', '', '1\n')
  const all = hierarchy('v2', { '.': top })
  expect(findStepCgroups(0, { root: all, own: '0::/\n' })?.controllers).toEqual(['cpu', 'memory', 'pids'])
  const inside = hierarchy('v2-container', { '.': unified('cpu memory pids', 'memory', '1\n') })
  expect(findStepCgroups(0, { root: inside, own: '0::/\n' })?.controllers).toEqual(['memory'])
})

test('another user has those of the group above its own, when that is delegated', () => {
  const root = hierarchy('delegated', {
    '.': unified('cpu memory pids', 'cpu memory pids'),
    'user.slice/app.slice': unified('memory pids', 'memory'),
  })
  const other = uid === 0 ? 4241 : uid
  if (uid === 0) chownSync(join(root, 'user.slice/app.slice'), other, other)
  expect(findStepCgroups(other, { root, own })).toEqual({
    parent: '/user.slice/app.slice',
    controllers: ['memory', 'pids'],
  })
  expect(findStepCgroups(4242, { root, own })).toBeUndefined()
})

test('a machine without control groups has none for anybody', () => {
  const root = hierarchy('none', { '.': {} })
  expect(findStepCgroups(0, { root, own: '' })).toBeUndefined()
  expect(findStepCgroups(uid + 1, { root, own: '' })).toBeUndefined()
  expect(findStepCgroups(uid + 1, { root: join(root, 'missing'), own: '' })).toBeUndefined()
})

test('what cannot be limited is named, with the way out', () => {
  const resources = { memory: 1, cpusetCpus: '0', pids: 5 }
  const problem = (asRoot: boolean, controllers?: readonly string[]) =>
    resourceProblem(resources, { uid: asRoot ? 0 : 1000, cgroups: controllers && { parent: '/a', controllers } })
  expect(problem(true, ['memory', 'cpuset', 'pids'])).toBeUndefined()
  expect(problem(true, ['memory'])?.message).toContain('Cannot limit cpuset-cpus, pids of steps')
  expect(problem(true)?.message).toContain('Cannot limit memory, cpuset-cpus, pids of steps')
  expect(problem(false, ['memory', 'pids'])?.message).toContain('Cannot limit cpuset-cpus of steps without root')
  expect(problem(false)?.hint).toContain('Delegate=yes')
})
