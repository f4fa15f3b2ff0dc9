import { existsSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readTree } from '../support/read-tree.ts'
import { withBases, writeFiles } from './support/context.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { program, tempFolder } from './support/places.ts'
import { start, startXbuild, xbuild } from './support/xbuild.ts'

const folder = tempFolder()
let bases: string[]

beforeAll(async () => {
  bases = await withBases('busybox')
})

const project = {
  Dockerfile:
    'FROM busybox AS one\nRUN mkdir /d && echo one > /d/one\nFROM busybox AS two\nCOPY a.txt /d/two\nFROM busybox\nCOPY --from=one /d /d\nCOPY --from=two /d /d\nRUN cat /d/one /d/two > /both\n',
  'a.txt': 'two\n',
}

test('two builds of the same thing at once, in a store that holds nothing, both succeed', async () => {
  const store = join(folder, 'together')
  const context = writeFiles(join(folder, 'context'), project)
  const args = (name: string) => [
    '--platform',
    'linux/amd64,linux/arm64',
    ...bases,
    '-o',
    `type=oci,dest=${join(folder, name)}`,
    context,
  ]
  const options = { store, env: { SOURCE_DATE_EPOCH: '1700000000' } }
  const builds = ['p1', 'p2', 'p3'].map((name) => startXbuild(args(name), options).ended)
  const ended = await Promise.all(builds)
  for (const { code, stderr } of ended) expect(code, stderr).toBe(0)
  expect(new Set(ended.map(({ stdout }) => stdout)).size).toBe(1)
  expect(await leftovers(store)).toEqual(CLEAN)
  expect(readdirSync(join(store, 'tmp'))).toEqual([])
  expect(readdirSync(join(store, 'ingest'))).toEqual([])
})

test('what a killed build left is cleaned up by the next one, and what it finished is used', async () => {
  const store = join(folder, 'killed')
  const context = writeFiles(join(folder, 'slow'), {
    Dockerfile: 'FROM busybox\nRUN echo done-before > /before\nRUN echo started-now; sleep 1000\n',
  })
  const running = startXbuild(['--progress', 'plain', ...bases, context], { store })
  await running.printed(/started-now$/m)
  running.child.kill('SIGKILL')
  await running.ended
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN echo done-before > /before\nRUN cat /before > /after\n')
  const out = join(folder, 'after.tar')
  const { code, stderr } = await xbuild(['--progress', 'plain', ...bases, '-o', `type=tar,dest=${out}`, context], {
    store,
  })
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/RUN echo done-before[^\n]*\n#\d+ CACHED/)
  expect(readTree(out).get('after')?.content).toBe('done-before\n')
  expect(readdirSync(join(store, 'tmp'))).toEqual([])
  expect(await leftovers(store)).toEqual(CLEAN)
})

test('a snapshot that somebody removed is made again, from its layer or by its step', async () => {
  const store = join(folder, 'removed')
  const context = writeFiles(join(folder, 'removed-context'), project)
  const build = async (name: string, dockerfile = project.Dockerfile) => {
    writeFileSync(join(context, 'Dockerfile'), dockerfile)
    const out = join(folder, `${name}.tar`)
    const { code, stderr } = await xbuild(
      [...bases, '-o', `type=oci,dest=${join(folder, name)}`, '-o', `type=tar,dest=${out}`, context],
      { store },
    )
    expect(code, stderr).toBe(0)
    return readTree(out)
  }
  await build('first')
  const snapshots = join(store, 'snapshots')
  for (const name of readdirSync(snapshots)) rmSync(join(snapshots, name), { recursive: true })
  const tree = await build('second', `${project.Dockerfile}RUN cat /both > /again\n`)
  expect(tree.get('again')?.content).toBe('one\ntwo\n')
})

test('a blob with one byte turned is found out, whoever needs it', async () => {
  const store = join(folder, 'turned')
  const context = writeFiles(join(folder, 'turned-context'), project)
  const build = (name: string) =>
    xbuild(['--platform', 'linux/amd64', ...bases, '-o', `type=oci,dest=${join(folder, name)}`, context], {
      store,
      env: { SOURCE_DATE_EPOCH: '1700000000' },
    })
  const first = await build('turned-1')
  expect(first.code, first.stderr).toBe(0)
  const blobs = join(store, 'blobs/sha256')
  const before = readdirSync(blobs).sort()
  for (const name of before) {
    const bytes = readFileSync(join(blobs, name))
    bytes[bytes.length >> 1]! ^= 1
    rmSync(join(blobs, name)) // the folder of the first output may share the file
    writeFileSync(join(blobs, name), bytes)
    const again = await build(`turned-${name.slice(0, 8)}`)
    expect(again.code, again.stderr).toBe(0)
    expect(again.stdout).toBe(first.stdout)
    expect(existsSync(join(blobs, name)) && readFileSync(join(blobs, name)).equals(bytes)).toBe(false)
  }
})

describe('builds of several containers, each of which sees its own process ids alone', () => {
  const store = join(folder, 'containers')
  /** As the first process of a process id namespace: every build has the process id 1. */
  const contained = (args: readonly string[]) =>
    start('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, program, ...args], { store })
  const context = (name: string, ...lines: string[]) => [
    ...['--progress', 'plain', ...bases],
    writeFiles(join(folder, name), { Dockerfile: ['FROM busybox', ...lines, ''].join('\n') }),
  ]
  const cache = '--mount=type=cache,id=signal,target=/c'

  test('take nothing from each other while they run', async () => {
    const wait = 'echo started-now; until [ -e /c/go ]; do sleep 0.1; done; echo over >/over'
    const waiting = contained(context('waits', `RUN ${cache} ${wait}`, 'RUN cat /over'))
    await waiting.printed(/ started-now$/m)
    const held = readdirSync(join(store, 'tmp'))
    expect(held.length).toBeGreaterThan(0)
    expect(readdirSync(join(store, 'leases')).join()).toMatch(/^build-1-/)
    const other = await contained(context('comes', `RUN ${cache} touch /c/go`)).ended
    expect(other.code, other.stderr).toBe(0)
    const { code, stderr } = await waiting.ended
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/ over$/m)
    expect(readdirSync(join(store, 'tmp'))).toEqual([])
  })

  test('remove what a killed one left, once it has not been heard of for long enough', async () => {
    const killed = contained(context('killed', 'RUN echo started-now; sleep 1000'))
    await killed.printed(/ started-now$/m)
    killed.child.kill('SIGKILL')
    await killed.ended
    const left = readdirSync(join(store, 'tmp'))
    expect(left.length).toBeGreaterThan(0)
    // It may live still: nobody here can tell
    const soon = await contained(context('soon', 'RUN echo soon')).ended
    expect(soon.code, soon.stderr).toBe(0)
    expect(readdirSync(join(store, 'tmp'))).toEqual(left)
    for (const name of readdirSync(join(store, 'leases'))) utimesSync(join(store, 'leases', name), 1e9, 1e9)
    const later = await contained(context('later', 'RUN echo later')).ended
    expect(later.code, later.stderr).toBe(0)
    expect(readdirSync(join(store, 'tmp'))).toEqual([])
    expect(await leftovers(store)).toEqual(CLEAN)
  })
})
