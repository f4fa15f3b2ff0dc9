import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { formatPlatform, platformOfNodeArch } from '../../src/platform.ts'
import { startDockerd, type Dockerd } from '../support/daemons.ts'
import { runImage, writeFiles } from './support/context.ts'
import { baseLayer } from './support/base-layer.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { tempFolder } from './support/places.ts'
import { startXbuild, type Ended, type Running } from './support/xbuild.ts'

const NATIVE = formatPlatform(platformOfNodeArch(process.arch))
const BASE = 'FROM scratch\nADD base.tar.gz /\n'
const folder = tempFolder()
const store = join(folder, 'store')
const daemons: Dockerd[] = []
let layer: string
let count = 0

beforeAll(async () => {
  layer = await baseLayer()
})

afterEach(async () => {
  await Promise.all(daemons.splice(0).map((daemon) => daemon.stop()))
})

async function dockerd(options: Parameters<typeof startDockerd>[0] = {}): Promise<Dockerd> {
  const daemon = await startDockerd(options)
  daemons.push(daemon)
  return daemon
}

interface Started extends Running {
  readonly out: string
}

/** Starts a build on these nodes, in the order of preference; each build has steps of its own. */
function start(dockerfile: string, nodes: readonly string[], args: readonly string[] = []): Started {
  const context = writeFiles(join(folder, `case-${++count}`), { Dockerfile: `${dockerfile}\nENV CASE=${count}\n` })
  copyFileSync(layer, join(context, 'base.tar.gz'))
  return again(context, nodes, args)
}

function again(context: string, nodes: readonly string[], args: readonly string[]): Started {
  const out = join(folder, `out-${++count}`)
  const platform = args.includes('--platform') ? [] : ['--platform', NATIVE]
  return {
    ...startXbuild(
      [
        '--audit=off',
        '--builder',
        nodes.join(','),
        '--network',
        'host',
        ...platform,
        '-o',
        `type=oci,dest=${out}`,
        ...args,
        context,
      ],
      { store },
    ),
    out,
  }
}

/** What holds after every build: nothing runs on this machine for it, and no half-written file stays. */
async function clean(): Promise<void> {
  expect(await leftovers(store)).toEqual(CLEAN)
  const temporary = join(store, 'tmp')
  expect(existsSync(temporary) ? readdirSync(temporary) : []).toEqual([])
}

async function outcome(built: Started): Promise<string> {
  const ended = await built.ended
  expect(ended.code, ended.stderr).toBe(0)
  return (await runImage(built.out, NATIVE, ['/bin/cat', '/out'])).stdout
}

const SLOW = `${BASE}RUN echo begun; sleep 6; echo made it > /out`

describe('a node that is lost in the middle of a RUN', () => {
  test('by a power cut: the job goes on on the next one', async () => {
    const [first, second] = await Promise.all([dockerd(), dockerd()])
    const built = start(SLOW, [first.endpoint, second.endpoint])
    await built.printed(/^#\d+ [\d.]+ begun/m)
    await first.kill()
    expect(await outcome(built)).toBe('made it\n')
    expect((await built.ended).stderr).toContain(`moves from ${first.endpoint} to ${second.endpoint} (native): `)
    await clean()
  })

  test('by a freeze: nothing answers, and this machine takes over', async () => {
    const first = await dockerd()
    const built = start(SLOW, [first.endpoint, 'local'])
    await built.printed(/^#\d+ [\d.]+ begun/m)
    first.freeze()
    expect(await outcome(built)).toBe('made it\n')
    expect((await built.ended).stderr).toContain(`moves from ${first.endpoint} to local (native): `)
    await clean()
  })

  test('and there is no other: the error names the node', async () => {
    const only = await dockerd()
    const built = start(SLOW, [only.endpoint])
    await built.printed(/^#\d+ [\d.]+ begun/m)
    await only.kill()
    const { code, stderr, stdout } = await built.ended
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^error: Cannot /m)
    expect(stderr).toContain(only.endpoint)
    await clean()
  })
})

describe('a node that refuses', () => {
  test('because its disk is full: the job goes on elsewhere', async () => {
    const disk = join(folder, 'small-disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk])
    try {
      const full = await dockerd({ config: { 'data-root': join(disk, 'data'), 'storage-driver': 'overlay2' } })
      const built = start(`${BASE}RUN dd if=/dev/zero of=/big bs=1M count=80 && rm /big && echo made it > /out`, [
        full.endpoint,
        'local',
      ])
      expect(await outcome(built)).toBe('made it\n')
      expect((await built.ended).stderr).toMatch(/moves from .* to local \(native\): .*/)
      await full.stop()
    } finally {
      execFileSync('umount', ['-l', disk])
    }
    await clean()
  })

  test('because its socket answers garbage: it is left out, or the error says why', async () => {
    const socket = join(folder, 'garbage.sock')
    const server = await garbage(socket)
    try {
      const built = start(`${BASE}RUN echo made it > /out`, [`unix://${socket}`, 'local'])
      expect(await outcome(built)).toBe('made it\n')
      expect((await built.ended).stderr).toContain(`Building without unix://${socket}: `)
      const alone = await start(`${BASE}RUN true`, [`unix://${socket}`]).ended
      expect(alone.code).toBe(1)
      expect(alone.stderr).toMatch(/^error: Cannot place any stage: none of 1 nodes answers/m)
    } finally {
      server.close()
    }
    await clean()
  })

  test('because nobody is there: the others build, and nobody waits', async () => {
    const built = start(`${BASE}RUN echo made it > /out`, [`unix://${join(folder, 'nobody.sock')}`, 'local'])
    expect(await outcome(built)).toBe('made it\n')
  })
})

test('a RUN that fails is not tried anywhere else', async () => {
  const node = await dockerd()
  const { code, stderr } = await start(`${BASE}RUN echo once; exit 7`, [node.endpoint, 'local']).ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/exit code 7/)
  expect(stderr).not.toContain('moves from')
  expect(stderr.match(/^#\d+ [\d.]+ once$/gm)).toHaveLength(1)
  await clean()
})

test('after a failure the next run builds only what failed', async () => {
  const node = await dockerd()
  const context = writeFiles(join(folder, `case-${++count}`), {
    Dockerfile: `${BASE}ARG TARGETARCH\nRUN echo runs for $TARGETARCH; test "$TARGETARCH" = 386 || echo made it > /out; test -e /out\n`,
  })
  copyFileSync(layer, join(context, 'base.tar.gz'))
  // What changed a moment ago may change again: such a context is not taken up
  await new Promise((resolve) => setTimeout(resolve, 100))
  const two = ['--platform', `${NATIVE},linux/386`]
  const first = await again(context, [node.endpoint], two).ended
  expect(first.code).toBe(1)
  expect(first.stderr).toContain('linux/386')
  const second = await again(context, [node.endpoint], two).ended
  expect(second.code).toBe(1)
  expect(second.stderr).toContain(`[${NATIVE}] nothing changed since ${node.endpoint} built it`)
  expect(second.stderr).not.toContain(`runs for ${NATIVE.split('/')[1]}`)
  const third = again(context, [node.endpoint], [])
  expect(await outcome(third)).toBe('made it\n')
  const afresh = await again(context, [node.endpoint], []).ended
  expect(afresh.stderr).not.toContain('nothing changed since')
  await clean()
})

test('twelve builds at a time over two nodes: each has its own result and its own log', async () => {
  const nodes = await Promise.all([dockerd(), dockerd()])
  const builds = Array.from({ length: 12 }, (_, i) => {
    const order = i % 2 ? nodes : nodes.toReversed()
    return start(
      `${BASE}RUN for n in 1 2 3; do echo "build ${i} says $n"; done; echo ${i} > /out`,
      order.map(({ endpoint }) => endpoint),
    )
  })
  const ended: Ended[] = await Promise.all(builds.map((built) => built.ended))
  for (const [i, { code, stderr }] of ended.entries()) {
    expect(code, stderr).toBe(0)
    expect(stderr.match(/build \d+ says \d$/gm)).toEqual([1, 2, 3].map((n) => `build ${i} says ${n}`))
  }
  expect(await Promise.all(builds.map(outcome))).toEqual(builds.map((_, i) => `${i}\n`))
  await clean()
})

async function garbage(path: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write('\0\x01\x02 this is no protocol that anybody knows\r\n\r\n'.repeat(50))
  }).listen(path)
  await once(server, 'listening')
  afterAll(() => server.close())
  return server
}
