import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { startHostileNode, writeHalf } from '../support/hostile-node.ts'
import { runImage, withBases, writeFiles } from './support/context.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { tempFolder } from './support/places.ts'
import { startXbuild, xbuild } from './support/xbuild.ts'

const folder = tempFolder()
let bases: string[]

beforeAll(async () => {
  bases = await withBases('busybox')
})

const SLOW = 'FROM busybox\nRUN echo ready > /ready && echo now-waiting && sleep 300\n'

function project(name: string, dockerfile: string): { context: string; store: string; out: string } {
  const context = writeFiles(join(folder, name, 'context'), { Dockerfile: dockerfile, 'a.txt': 'a\n' })
  return { context, store: join(folder, name, 'store'), out: join(folder, name, 'out') }
}

function args(platform: string, { context, out }: { context: string; out: string }): string[] {
  return ['--progress', 'plain', '--platform', platform, ...bases, '-o', `type=oci,dest=${out}`, context]
}

test('a build that succeeds leaves no mount, no process, no temporary file', async () => {
  const it = project('success', 'FROM busybox\nCOPY a.txt /\nRUN sleep 300 & true\n')
  const { code, stderr } = await xbuild(args('linux/amd64,linux/arm64', it), it)
  expect(code, stderr).toBe(0)
  expect(await leftovers(it.store)).toEqual(CLEAN)
})

test('a build that fails leaves nothing, and no result', async () => {
  const it = project('failure', 'FROM busybox\nRUN (sleep 300 &) ; exit 3\n')
  const { code, stderr } = await xbuild(args('linux/amd64,linux/arm64', it), it)
  expect(code, stderr).toBe(1)
  expect(await leftovers(it.store)).toEqual(CLEAN)
  expect(existsSync(it.out)).toBe(false)
})

test('a run of several images that is stopped publishes none of them, the finished ones neither', async () => {
  const it = project('several', SLOW)
  writeFiles(it.context, {
    'docker-bake.hcl': `
group "default" { targets = ["quick", "slow"] }
target "quick" {
  dockerfile-inline = "FROM scratch\\nCOPY a.txt /"
  output = ["quick"]
}
target "slow" {
  contexts = { quick = "target:quick", busybox = "${bases[1]!.slice('busybox='.length)}" }
  dockerfile-inline = "FROM busybox\\nCOPY --from=quick a.txt /\\nRUN echo now-waiting && sleep 300"
  output = ["slow"]
}
`,
  })
  const words = ['bake', '--progress', 'plain', '--allow', 'fs.read=*', '--metadata-file', 'made.json']
  const running = startXbuild(words, { cwd: it.context, store: it.store })
  await running.printed(/now-waiting$/m)
  running.child.kill('SIGINT')
  const { code, stdout, stderr } = await running.ended
  expect(code, stderr).toBe(130)
  expect(stdout).toBe('')
  for (const name of ['quick', 'slow', 'made.json']) expect(existsSync(join(it.context, name))).toBe(false)
  expect(await leftovers(it.store)).toEqual(CLEAN)
})

describe.each(['linux/amd64', 'linux/arm64', 'linux/amd64,linux/arm64'])(
  'in the middle of a RUN for %s',
  (platform) => {
    const name = platform.replaceAll(/\W/g, '-')

    test.each(['SIGINT', 'SIGTERM'] as const)('%s stops it: status 130, nothing left', async (signal) => {
      const it = project(`${signal}-${name}`, SLOW)
      const building = startXbuild(args(platform, it), it)
      await building.printed(/now-waiting$/m)
      const started = Date.now()
      building.child.kill(signal)
      const { code, stderr } = await building.ended
      expect(code, stderr).toBe(130)
      expect(Date.now() - started).toBeLessThan(10_000)
      expect(await leftovers(it.store)).toEqual(CLEAN)
      expect(existsSync(it.out)).toBe(false)
    })

    test('SIGKILL ends its processes and mounts too, and the next build works and cleans up', async () => {
      const it = project(`SIGKILL-${name}`, SLOW)
      const building = startXbuild(args(platform, it), it)
      await building.printed(/now-waiting$/m)
      building.child.kill('SIGKILL')
      await building.ended
      expect(await leftovers(it.store, { patience: 10_000 })).toMatchObject({ mounts: [], processes: [] })

      writeFiles(it.context, { Dockerfile: SLOW.replace('sleep 300', 'true') })
      const next = await xbuild(args(platform, it), it)
      expect(next.code, next.stderr).toBe(0)
      expect(await leftovers(it.store)).toEqual(CLEAN)
      const [first] = platform.split(',') as [string]
      expect((await runImage(it.out, first, ['cat', '/ready'])).stdout).toBe('ready\n')
    })
  },
)

/** Processes of the store's build that `isOne` by their command line. */
function processesOf(store: string, isOne: (line: string) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return isOne(line) && `${line}${readFileSync(`/proc/${pid}/environ`, 'utf8')}`.includes(store)
      } catch {
        return false
      }
    })
    .map(Number)
}

test.each([
  ['the worker', (line: string) => /^\S*node\S* \S*worker\.cjs/.test(line)],
  ['the runtime of a step', (line: string) => /^\S*(runc|crun) .* run --bundle /.test(line)],
])('a build ends when it is asked to although %s is stopped', async (what, isOne) => {
  const it = project(`stopped-${what.replaceAll(' ', '-')}`, SLOW)
  const building = startXbuild(args('linux/amd64', it), it)
  await building.printed(/now-waiting$/m)
  const stopped = processesOf(it.store, isOne)
  expect(stopped).not.toEqual([])
  for (const pid of stopped) process.kill(pid, 'SIGSTOP')
  building.child.kill('SIGTERM')
  const { code, stderr } = await building.ended
  expect(code, stderr).toBe(130)
  expect(await leftovers(it.store)).toMatchObject({ mounts: [], processes: [] })
})

test('what a node has written half is gone when a second signal ends xbuild at once', async () => {
  const it = project('half', 'FROM scratch\nCOPY . /\n')
  let written: () => void
  const half = new Promise<void>((resolve) => (written = resolve))
  const node = await startHostileNode(join(folder, 'half.sock'), async ({ session }) => {
    await writeHalf(session, 'export', Buffer.alloc(1 << 20))
    written()
    return new Promise(() => undefined)
  })
  try {
    const words = ['--builder', node.endpoint, '--network', 'host', '--progress', 'plain', it.context]
    const building = startXbuild(words, { ...it, env: { HOME: folder } })
    await half
    expect(readdirSync(join(it.store, 'tmp'))).not.toEqual([])
    building.child.kill('SIGTERM')
    building.child.kill('SIGINT')
    expect((await building.ended).code).toBe(130)
    expect(readdirSync(join(it.store, 'tmp'))).toEqual([])
  } finally {
    await node.stop()
  }
})

test('nothing is left in the folder of temporary files', async () => {
  const temporary = join(folder, 'tmp')
  writeFiles(temporary, {})
  const it = project('tmpdir', 'FROM busybox\nRUN true\n')
  const { code, stderr } = await xbuild(args('linux/arm64', it), { ...it, env: { TMPDIR: temporary } })
  expect(code, stderr).toBe(0)
  expect(readdirSync(temporary)).toEqual([])
})
