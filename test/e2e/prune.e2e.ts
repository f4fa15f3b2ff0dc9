import { existsSync, readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { runImage, withBases, writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { ordinaryUser } from './support/ordinary-user.ts'
import { tempFolder } from './support/places.ts'
import { startXbuild, xbuild, type Ended } from './support/xbuild.ts'

const folder = tempFolder()
const MEGABYTE = 1 << 20
/** Files that only their owner may read, in a folder that only he may enter: the store's own user cannot. */
const DOCKERFILE = `FROM busybox
RUN mkdir /private && dd if=/dev/urandom of=/private/big bs=1048576 count=3 && chown -R 1234:1234 /private && chmod -R go= /private
COPY a.txt /
CMD ["cat", "/a.txt"]
`

interface Listing {
  readonly total: number
  readonly reclaimable: number
  readonly items: readonly {
    readonly id: string
    readonly type: string
    readonly size: number
    readonly inUse: boolean
    readonly description: string
  }[]
}

let bases: string[]
let context: string

beforeAll(async () => {
  bases = await withBases('busybox')
  context = writeFiles(join(folder, 'context'), { Dockerfile: DOCKERFILE, 'a.txt': 'hello\n' })
})

async function build(
  store: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const ended = await xbuild(['--progress', 'plain', ...bases, ...args, context], { store, env })
  expect(ended.code, ended.stderr).toBe(0)
  return ended
}

async function du(store: string): Promise<Listing> {
  const { code, stdout, stderr } = await xbuild(['du', '--json'], { store })
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Listing
}

async function prune(store: string, ...args: readonly string[]): Promise<Ended> {
  const ended = await xbuild(['prune', '--force', ...args], { store })
  expect(ended.code, ended.stderr).toBe(0)
  expect(await leftovers(store)).toEqual(CLEAN)
  return ended
}

const cachedIn = ({ stderr }: Ended) => stderr.match(/CACHED/g)?.length ?? 0

test('du tells what a build left: steps, snapshots and layers with their sizes', async () => {
  const store = join(folder, 'du')
  await build(store, ['-t', 'app:1'])
  const { items, total, reclaimable } = await du(store)
  expect(items.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['image', 'base', 'step', 'record', 'snapshot', 'blob']),
  )
  expect(
    items
      .filter(({ type }) => type === 'step')
      .map(({ description }) => description)
      .toSorted(),
  ).toEqual([expect.stringContaining('RUN mkdir /private'), expect.stringContaining('COPY a.txt /')])
  expect(Math.max(...items.filter(({ type }) => type === 'snapshot').map(({ size }) => size))).toBeGreaterThanOrEqual(
    3 * MEGABYTE,
  )
  expect(items.find(({ type }) => type === 'image')).toMatchObject({ description: 'app:1', inUse: true })
  expect(total).toBeGreaterThanOrEqual(6 * MEGABYTE)
  expect(reclaimable).toBeGreaterThanOrEqual(3 * MEGABYTE)
  const table = await xbuild(['du'], { store })
  expect(table.stdout).toMatch(/^snapshot +3 +\d/m)
  expect(
    (await xbuild(['du', '--verbose', '--filter', 'type=step'], { store })).stdout.match(/^step\//gm),
  ).toHaveLength(2)
})

test('prune frees what du calls reclaimable; an image with a name stays whole', async () => {
  const store = join(folder, 'prune')
  const first = await build(store, ['-t', 'app:1', '-o', `type=oci,dest=${folder}/prune-out`])
  const before = await du(store)
  expect((await prune(store)).stdout).toMatch(/^Removed \d+ things, \d.* MB freed\n$/)
  const after = await du(store)
  expect(after.items.every(({ inUse }) => inUse)).toBe(true)
  expect(after.total).toBe(before.total - before.reclaimable)
  expect(readdirSync(join(store, 'snapshots'))).toEqual([])
  for (const { id } of after.items.filter(({ type }) => type === 'blob'))
    expect(existsSync(join(store, 'blobs/sha256', id.slice('blobs/'.length)))).toBe(true)
  expect((await runImage(join(folder, 'prune-out'), 'linux/amd64')).stdout).toBe('hello\n')
  const second = await build(store, ['-t', 'app:1'])
  expect(cachedIn(second)).toBe(1) // the base image only
  expect(second.stdout).not.toBe(first.stdout)
})

test('prune --all leaves an empty store, and the next build works', async () => {
  const store = join(folder, 'all')
  await build(store, ['-t', 'app:1'])
  await prune(store, '-a')
  expect(await du(store)).toMatchObject({ total: 0, items: [] })
  await build(store)
})

test('filters and a size limit take only what they say', async () => {
  const store = join(folder, 'filter')
  await build(store)
  await prune(store, '--filter', 'until=1h')
  expect(cachedIn(await build(store))).toBe(3)
  await prune(store, '--filter', 'type=step', '--filter', 'description~=COPY')
  expect(cachedIn(await build(store))).toBe(2)
  const { total } = await du(store)
  await prune(store, '--max-used-space', String(total))
  expect((await du(store)).total).toBe(total)
  await prune(store, '--keep-storage', '2MB')
  expect((await du(store)).total).toBeLessThanOrEqual(2 * MEGABYTE)
})

test('without a terminal it asks for --force, and removes nothing', async () => {
  const store = join(folder, 'ask')
  await build(store)
  const { total } = await du(store)
  expect(await xbuild(['prune'], { store })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('Add --force'),
  })
  expect((await du(store)).total).toBe(total)
})

describe('while a build runs', () => {
  const slow = (name: string) => {
    const store = join(folder, name)
    const own = writeFiles(join(folder, `${name}-context`), {
      Dockerfile: 'FROM busybox\nRUN echo now-waiting && sleep 300\n',
    })
    return { store, building: startXbuild(['--progress', 'plain', ...bases, own], { store }) }
  }

  test('prune says who builds, and gives up after --timeout', async () => {
    const { store, building } = slow('busy')
    await building.printed(/now-waiting$/m)
    const { code, stderr } = await xbuild(['prune', '--force', '--timeout', '300ms'], { store })
    expect(code).toBe(1)
    expect(stderr).toContain(`in use by a build (process ${building.child.pid})`)
    expect((await du(store)).items.length).toBeGreaterThan(0)
    building.child.kill('SIGINT')
    await building.ended
    await prune(store)
  })

  test('prune waits for its end, however it ends', async () => {
    const { store, building } = slow('killed')
    await building.printed(/now-waiting$/m)
    const pruning = startXbuild(['prune', '--force', '-a'], { store })
    await pruning.printed(/Waiting for a build/)
    building.child.kill('SIGKILL')
    await building.ended
    expect(await pruning.ended).toMatchObject({ code: 0 })
    expect(await du(store)).toMatchObject({ items: [] })
    expect(readdirSync(join(store, 'leases'))).toEqual([])
  })

  test('many builds and prunes at once all succeed', async () => {
    const store = join(folder, 'storm')
    const work = Array.from({ length: 6 }, (_, index) => {
      if (index % 3 === 2) return xbuild(['prune', '--force', '-a'], { store })
      const own = writeFiles(join(folder, `storm-${index}`), {
        Dockerfile: `FROM busybox\nRUN echo ${index} > /n\nCOPY x /\n`,
        x: String(index),
      })
      return xbuild([...bases, '-o', `type=oci,dest=${join(folder, `storm-out-${index}`)}`, own], { store })
    })
    for (const { code, stderr } of await Promise.all(work)) expect(code, stderr).toBe(0)
    expect((await runImage(join(folder, 'storm-out-4'), 'linux/amd64', ['cat', '/n', '/x'])).stdout).toBe('4\n4')
  })
})

describe('a limit for the store', () => {
  test('takes what was not used for longest after the build', async () => {
    const store = join(folder, 'limit')
    await build(store, ['--build-arg', 'OLD=1'])
    const old = Date.now() / 1000 - 90_000
    for (const name of readdirSync(join(store, 'records'), { recursive: true, encoding: 'utf8' }))
      if (name.endsWith('.json')) utimesSync(join(store, 'records', name), old, old)
    const own = writeFiles(join(folder, 'limit-context'), { Dockerfile: 'FROM busybox\nRUN echo new > /new\n' })
    const args = ['--progress', 'plain', ...bases, own]
    expect(await xbuild(args, { store, env: { XBUILD_STORE_LIMIT: '5MB' } })).toMatchObject({ code: 0 })
    expect((await du(store)).total).toBeLessThanOrEqual(5 * MEGABYTE)
    expect(cachedIn(await xbuild(args, { store }))).toBe(2)
  })

  test('that cannot be kept is a warning', async () => {
    const { stderr } = await build(join(folder, 'tight'), ['-t', 'app:1', '--store-limit', '1kB'])
    expect(stderr).toContain('more than its limit')
  })
})

describe('as an ordinary user', () => {
  const user = ordinaryUser(folder)

  test('snapshots with files of other users are measured and removed', async () => {
    const base = await user.give(await baseLayout('busybox'), 'busybox')
    const own = await user.give(context, 'context')
    const store = join(user.home, '.local/share/xbuild')
    const built = await user.xbuild(['--build-context', `busybox=oci-layout://${base}`, '-t', 'app:1', own])
    expect(built.code, built.stderr).toBe(0)
    const listed = await user.xbuild(['du', '--json'])
    expect(listed.code, listed.stderr).toBe(0)
    const { items } = JSON.parse(listed.stdout) as Listing
    expect(Math.max(...items.filter(({ type }) => type === 'snapshot').map(({ size }) => size))).toBeGreaterThanOrEqual(
      3 * MEGABYTE,
    )
    const pruned = await user.xbuild(['prune', '--force', '--all'])
    expect(pruned.stdout, pruned.stderr).toMatch(/^Removed \d+ things, \d.* MB freed\n$/)
    expect(readdirSync(join(store, 'snapshots'))).toEqual([])
    expect(readdirSync(join(store, 'blobs/sha256'))).toEqual([])
    expect(await leftovers(store)).toEqual(CLEAN)
  })
})
